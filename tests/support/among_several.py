"""Serve a location with the options of `codeserver grpc`, as one of two locations of a server.

For the tests that compare servers: `CODESERVER_TEST_SERVER=among-several`. These differ then: the
command line that user code sees in `sys.argv`, a relative working directory, which is given in
full, and ShutdownServer, which starts the location anew.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from codeserver.config import settings
from codeserver.settings import Setting

NEIGHBOUR = Path(__file__).parent.parent / "user_code" / "differential" / "repo.py"
NAME = "tested"
_OF_FLAG = {flag: each for each in settings() for flag in each.flags}


def main(arguments: Sequence[str]) -> None:
    """Replace this process by the server."""
    name = NAME
    of_server, lines = [], [f"working_directory = {json.dumps(os.getcwd())}"]
    for setting, value in _read(iter(arguments)):
        if setting.scope == "server":
            flag = setting.flags[0]
            of_server += [flag] if value is True else [flag, str(value)]
            continue
        if setting.name == "location_name":
            name = str(value)
            continue
        if setting.name == "working_directory":
            lines.pop(0)
        written = os.path.abspath(str(value)) if setting.kind.is_path else value
        lines.append(f"{setting.name} = {json.dumps(written)}")
    folder = Path(tempfile.mkdtemp(prefix="several-"))
    text = "\n".join([f"[locations.{name}]", *lines])
    text += f"\n[locations.neighbour]\npython_file = {json.dumps(str(NEIGHBOUR))}\n"
    (folder / "locations.toml").write_text(text)
    command = [sys.executable, "-m", "codeserver", "grpc", "--locations"]
    os.execv(sys.executable, [*command, str(folder / "locations.toml"), "-p", "0", *of_server])


def _read(words: Iterator[str]) -> Iterator[tuple[Setting, object]]:
    for word in words:
        flag, is_written, value = word.partition("=")
        setting = _OF_FLAG[flag]
        if setting.kind.type is bool:
            yield setting, True
        else:
            text = value if is_written else next(words)
            yield setting, int(text) if setting.kind.type is int else text


if __name__ == "__main__":
    main(sys.argv[1:])
