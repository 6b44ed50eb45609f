"""Modules of the working directory are found at any time, by the script as by `python -m`.

Beside stock, which finds them by `python -m` only: `tests/differential/test_inherited.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.differential.running import launch
from tests.differential.sides import USER_CODE
from tests.process.running import final_status, messages
from tests.process.serving import serve, skip_message

CODE = USER_CODE / "inherited"
SCRIPT = (str(Path(sys.executable).with_name("codeserver")), "grpc")
FOUND = "found: (41, [9]); called: ['codeserver', True, '-f', 'repo.py', '-s']"


def test_the_script(home: Path, work: Path) -> None:
    options = ("--isolation", "spawn", "-f", "repo.py")
    with serve(home, work / "s.sock", *options, cwd=CODE, command=SCRIPT) as server:
        assert skip_message(server, "looks_in_ticks") == f"{FOUND}, True"

        launched = launch(server, "looks_in_steps")

        assert final_status(launched).value == "SUCCESS"
        assert FOUND in messages(launched)
