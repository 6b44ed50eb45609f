"""Each parser with inputs that its own coverage leads to, and with those that have failed once."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import CORPUS, TIMES
from tests.fuzz.targets import MEASURED

ROOT = Path(__file__).parent.parent.parent

RUNS = {
    "encoding": 75_000,
    "frames": 100_000,
    "locations": 15_000,
    "openings": 30_000,
    "ports": 10_000,
    "probe": 20_000,
    "requests_to_connect": 100_000,
    "settings": 75_000,
    "snapshots": 25_000,
}
"""How many inputs take some seconds."""


@pytest.mark.parametrize("target", MEASURED)
def test_guided_by_coverage(target: str, short_tmp: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is for Linux on x86-64")
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "tests.fuzz.guided", target),
        *("--runs", str(RUNS[target] * TIMES)),
        *("--seed", "1" if TIMES == 1 else "0"),
        *("--found", f"{CORPUS / target}{os.sep}"),
    ]
    # It ends without removing what is temporary.
    env = {**os.environ, "TMPDIR": str(short_tmp)}
    run = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    assert f"Done {RUNS[target] * TIMES} runs" in run.stderr


@pytest.mark.parametrize("target", MEASURED)
def test_what_has_failed_once(target: str) -> None:
    check = importlib.import_module(f"tests.fuzz.targets.{target}").check
    for path in sorted((CORPUS / target).glob("*")):
        check(path.read_bytes())
