"""Write the blocking client from the asynchronous one (`make client`).

With `--check`, only check that it is current.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from written import write_or_check

CLIENT = Path(__file__).parent.parent / "codeserver" / "client"
SOURCE, WRITTEN = CLIENT / "asynchronous.py", CLIENT / "synchronous.py"

HEAD = f"# Written by `make client` from {SOURCE.name}. Do not edit.\n"

WORDS = {
    "async ": "",
    "await ": "",
    "grpc.aio": "grpc",
    "connect_async": "connect",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    ", None]": ", None, None]",  # a generator that is not asynchronous returns a value, too
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    # In docstrings.
    "A client whose calls are awaited.": "A client whose calls block.",
    ", to be made inside a running event loop.": ".",
    ", awaited in the event loop that it was made in.": ". Safe to use from several threads.",
}


def blocking() -> str:
    """The source of the blocking client."""
    source = SOURCE.read_text("utf-8")
    if unused := [word for word in WORDS if word not in source]:
        raise SystemExit(f"{SOURCE.name} does not have {unused}; change the table of words.")
    pattern = "|".join(rf"\b{re.escape(word)}" for word in WORDS)
    text = HEAD + re.sub(pattern, lambda found: WORDS[found[0]], source)
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(WRITTEN), "-"]
    return subprocess.run(ruff, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(write_or_check(WRITTEN, blocking(), "make client"))
