"""The comparison of `bench/` runs, with as little as possible, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import psutil
import pytest

import bench.comparison.workloads
from bench.comparison.results import from_json
from bench.comparison.runner import SUBJECTS, WORKLOADS
from bench.comparison.tables import LABELS
from bench.servers import KINDS
from tests.process.serving import LIMIT
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]
SECONDS = 500


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.comparison", "--quick", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(SECONDS + LIMIT)
@pytest.mark.parametrize(
    ("workloads", "servers"),
    [(["startup"], list(KINDS)), (["latency", "probe"], ["ours"])],
    ids=["every server", "ours"],
)
def test_a_quick_run_measures(workloads: list[str], servers: list[str], tmp_path: Path) -> None:
    only = [word for name in workloads for word in ("--only", name)]
    written = tmp_path / "found.json"
    with start(*only, "--servers", ",".join(servers), "--json", str(written)) as process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            process.terminate()  # which ends what it has started, too
    assert process.returncode == os.EX_OK, errors

    results = from_json(written.read_text("utf-8"))
    assert results.quick
    assert [part.workload for part in results.parts] == workloads
    assert list(results.places) == ["example"]
    for part in results.parts:
        assert part.how
        assert {each.server for each in part.figures} >= set(servers), errors
        assert all(sample >= 0 for each in part.figures for sample in each.samples)
    assert output.count("How: ") == len(workloads), "a table each"
    assert all(LABELS[key] in output for key in servers)
    assert len(errors.splitlines()) == len(workloads), errors


def has_server(pid: int) -> bool:
    """Whether it has started a server, and not only what some imports start."""
    children = psutil.Process(pid).children(recursive=True)
    return any("codeserver" in child.cmdline() for child in children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_all_that_was_started(number: signal.Signals) -> None:
    with start("--only", "probe", "--servers", "ours") as process:
        eventually(lambda: has_server(process.pid), within=LIMIT, what="a server")
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
    assert "--docs shows one run of everything" in errors


def test_every_workload_is_known_and_says_how_it_measures() -> None:
    (folder,) = bench.comparison.workloads.__path__
    files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}
    assert files == set(WORKLOADS)
    known = {subject.name for subject in SUBJECTS}
    for name in WORKLOADS:
        module = import_module(f"bench.comparison.workloads.{name}")
        assert module.measure.__doc__
        assert {subject.name for subject in module.SUBJECTS} <= known
        assert module.QUICK_SUBJECTS
