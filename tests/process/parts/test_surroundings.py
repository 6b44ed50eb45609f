"""What a process that imports the code anew takes on from the one that has imported it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REPORT = """
import json, os, sys
from codeserver.worker.loading import surroundings
surroundings.remember_start()
os.environ["SET"] = "by the import"
os.environ.pop("GONE")
sys.path.insert(0, "/of/the/import")
os.chdir(sys.argv[1])
print(json.dumps(vars(surroundings.surroundings())))
"""
TAKE_ON = """
import json, os, sys
from codeserver.facts import Surroundings
from codeserver.worker.loading import surroundings
surroundings.take_on(Surroundings(**json.load(sys.stdin)))
variables = [os.environ.get(name) for name in ("SET", "GONE", "KEPT")]
print(json.dumps([*variables, os.getcwd(), sys.path]))
"""


def _run(program: str, *arguments: str, stdin: str = "") -> str:
    environment = {**os.environ, "GONE": "1", "KEPT": "1"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, check=True
    ).stdout


def test_surroundings_are_handed_on(tmp_path: Path) -> None:
    reported = _run(REPORT, str(tmp_path))
    facts = json.loads(reported)
    assert facts["environment"] == {"SET": "by the import", "GONE": None}
    *variables, directory, path = json.loads(_run(TAKE_ON, stdin=reported))
    assert variables == ["by the import", None, "1"]
    assert directory == str(tmp_path)
    assert path == facts["path"]
    assert path[0] == "/of/the/import"


def test_a_directory_that_was_removed_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    program = REPORT.replace("print(", "os.rmdir(sys.argv[1])\nprint(")
    reported = _run(program, str(folder))
    assert json.loads(reported)["directory"] is None
    assert json.loads(_run(TAKE_ON, stdin=reported))[3] == os.getcwd()
