"""The bench ends when it is told to, and knows its workloads."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import psutil
import pytest

import bench.workloads
from bench.runner import WORKLOADS
from bench.subjects import SUBJECTS
from tests.process.serving import LIMIT
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", "--quick", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def has_server(pid: int) -> bool:
    """Whether it has started a server, and not only what some imports start."""
    children = psutil.Process(pid).children(recursive=True)
    return any("codeserver" in child.cmdline() for child in children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_all_that_was_started(number: signal.Signals) -> None:
    with start("--only", "probe", "--servers", "ours") as process:
        eventually(lambda: has_server(process.pid), what="a server")
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert process.returncode == 130, errors


def test_a_page_is_not_made_of_a_part() -> None:
    with start("--docs") as process:
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 2, errors
    assert "--docs needs a complete run" in errors


def test_every_workload_is_known_and_says_how_it_measures() -> None:
    (folder,) = bench.workloads.__path__
    files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}
    assert files == set(WORKLOADS)
    known = {subject.name for subject in SUBJECTS}
    for name in WORKLOADS:
        module = import_module(f"bench.workloads.{name}")
        assert module.measure.__doc__
        assert {subject.name for subject in module.SUBJECTS} <= known
        assert module.SUBJECTS
