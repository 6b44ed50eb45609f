"""Steps of the multiprocess executor: forked, in warm and fresh runs and in pods, as stock's."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import DagsterEventType, EventLogEntry
from dagster._core.code_pointer import FileCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from codeserver.cli.commands.install_dagster import install
from tests.differential import calls
from tests.differential.cases import normalised
from tests.differential.plain import plain
from tests.differential.running import Launched, launch, make
from tests.differential.sides import USER_CODE, Pair, Side, serving
from tests.support.eventually import PATIENCE, eventually

Cancel = Callable[[], object]

_SUFFIXES = ("_warm", "_fresh")
"""Of the names of jobs, by the mode of their runs."""


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    with serving(["-f", "steps.py"], work) as both:
        for side in both:
            side.instance.event_log_storage.set_concurrency_slots("one", 1)
        yield both


@pytest.mark.parametrize(
    ("job", "expect"),
    [
        ("succeeds", "shared: 42"),  # the run itself fails in the oldest versions: a step crashes
        ("fails", "unexpectedly exited with code 7"),
        ("loud", "50000013: "),
    ],
)
def test_step(job: str, expect: str, pair: Pair) -> None:
    _compare(pair, job, expect, _executed)


def test_cancelled_step(pair: Pair) -> None:
    _compare(pair, "waiting", "interrupted all active child processes", _cancelled)


def _compare(pair: Pair, job: str, expect: str, execute: Callable[..., Launched]) -> None:
    """Execute a job with stock, and with ours in each kind of run: all stories are equal."""
    with ThreadPoolExecutor() as threads:
        stock = threads.submit(lambda: _story(execute(pair.stock, job)))
        ours = [_story(execute(pair.ours, f"{job}{suffix}")) for suffix in _SUFFIXES]
        ours.append(_story(execute(pair.ours, job, in_pod=True)))
    assert expect in json.dumps(stock.result()), stock.result()
    for story in ours:
        assert story == stock.result()


@contextmanager
def _launched(
    side: Side, job: str, *, in_pod: bool
) -> Iterator[tuple[Launched, Callable[[], object]]]:
    """A run, and what cancels it; the run has ended when the block has."""
    if not in_pod:
        launched = launch(side, job)
        yield launched, lambda: calls.cancel(launched.run_id).make(side)
        launched.wait_until_finished()
        return
    pointer = FileCodePointer(str(USER_CODE / "steps.py"), "defs", str(USER_CODE))
    origin = JobPythonOrigin(job, RepositoryPythonOrigin(sys.executable, pointer, entry_point=[]))
    run_id = make(side, job, code=origin).run_id
    command = side.home.parent / "dagster"
    install(command, sys.executable)
    args = ExecuteRunArgs(origin, run_id, side.instance_ref)
    with (side.home.parent / "pod.log").open("wb") as log:
        pod = subprocess.Popen(
            [command, "api", "execute_run", serialize_value(args)],
            cwd=USER_CODE,
            env={**os.environ, "DAGSTER_HOME": str(side.home), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield Launched(side, run_id, None), pod.terminate
            pod.wait(PATIENCE)
        finally:
            pod.kill()
            pod.wait()


def _executed(side: Side, job: str, *, in_pod: bool = False) -> Launched:
    with _launched(side, job, in_pod=in_pod) as (launched, _):
        pass
    return launched


def _cancelled(side: Side, job: str, *, in_pod: bool = False) -> Launched:
    begun, cleaned = side.home / "begun", side.home / "cleaned"
    with _launched(side, job, in_pod=in_pod) as (launched, cancel):
        eventually(begun.exists, what="the op")
        begun.unlink()
        side.instance.report_run_canceling(launched.run)
        cancel()
    cleaned.unlink()
    return launched


_CHANCE = (r"(?<=In process )\d+", r"(?<=resources )\[[\w, ]+\]")
"""Process ids, and the elements of a set, whose order depends on the hash seed."""


def _story(launched: Launched) -> dict[str, list[object]]:
    """All events, messages and output of a run by step; "" has those of the run itself.

    The process of a run and those of its steps write events side by side.
    """
    side = launched.side
    told: dict[str, list[object]] = defaultdict(list)
    for entry in side.instance.all_logs(launched.run_id):
        told[entry.step_key or ""].append(_told(entry, side))
    text = json.dumps(normalised(plain(told), side))
    noise = "|".join((launched.run_id, *_SUFFIXES, *_CHANCE))
    return dict(json.loads(re.sub(noise, "", text)))


def _told(entry: EventLogEntry, side: Side) -> list[object]:
    event = entry.dagster_event
    if event is None:
        return [entry.level, entry.user_message]
    told: list[object] = [event.event_type_value, re.sub(_DURATION, "", event.message or "")]
    if event.event_type is DagsterEventType.LOGS_CAPTURED:
        key = [entry.run_id, "compute_logs", event.logs_captured_data.file_key]
        data = side.instance.compute_log_manager.get_log_data(key)
        return [told[0], *map(_shown, (data.stdout, data.stderr))]
    return [*told, getattr(event.event_specific_data, "error", None)]


_DURATION = r"\b(in|after) [\dms.]+"
_NOISE = rf"^[-\d]+ [:\d]+ [+-]\d+ - dagster - | - \d+(?= - )|{_DURATION}"
_NATIVE_STACK = r"Fatal Python error: .*(?s:.*)"
"""Ours writes it, so that you can see where a step has crashed."""


def _shown(output: bytes | None) -> str:
    """The output of a step without times and process ids; a digest of it if it is long."""
    text = re.sub(f"{_NOISE}|{_NATIVE_STACK}", "", (output or b"").decode(), flags=re.MULTILINE)
    if len(text) < 1_000_000:
        return text
    return f"{len(text)}: {hashlib.sha256(text.encode()).hexdigest()}"
