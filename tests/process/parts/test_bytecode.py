"""A reload right after an edit runs the edited file, whatever Python has cached of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import codeserver
from tests.support.eventually import PATIENCE

# Imports `edited`, changes it without a trace in size or whole-second modification time, and
# imports it again as a new process would.
PROGRAM = """
import importlib, os, pathlib, sys, time

path, distrust, age = pathlib.Path("edited.py"), sys.argv[1] == "distrust", int(sys.argv[2])
if distrust:
    from codeserver.worker.loading.bytecode import see_files_as_they_are
    see_files_as_they_are()
sys.path.insert(0, "")
moment = time.time()
time.time = lambda: moment  # or what is recent would not be any more, where this takes long
now = moment - age

def run(text):
    path.write_text(text)
    os.utime(path, (now, now))
    sys.modules.pop("edited", None)
    importlib.invalidate_caches()
    module = importlib.import_module("edited")
    return module.value

print(run("value = 'old'"), run("value = 'new'"), os.path.exists("__pycache__"))
"""


@pytest.mark.parametrize(
    ("distrust", "age", "expected"),
    [
        ("distrust", 0, "old new False"),
        # Older files are cached as ever; a whole second apart, Python notices by itself.
        ("distrust", 60, "old old True"),
        # What it is for: without it, the second import runs the first text.
        ("trust", 0, "old old True"),
    ],
)
def test_an_edit_within_a_second(tmp_path: Path, distrust: str, age: int, expected: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, distrust, str(age)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(codeserver.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.stdout.strip() == expected, result.stderr
