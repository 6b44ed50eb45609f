"""What a run sees of an import: stock's runs import the code, each for itself, as it is on disk."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.differential.calls import Call
from tests.differential.cases import Case, check, table
from tests.differential.running import launch, rehearsed
from tests.differential.sides import STOCK_AGAINST_STOCK, Pair, Side, serving

EDITED = """
from pathlib import Path

import dagster as dg

FLAG = "the flag is there" if Path("flag").exists() else "there is no flag"

@dg.op
def say(context):
    context.log.info("this is {version}, and " + FLAG)

@dg.job(executor_def=dg.in_process_executor)
def {name}():
    say()

defs = dg.Definitions(jobs=[{name}])
"""


HANDLING = """
import signal

import dagster as dg

signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 3600)

@dg.op
def say(context):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
        handler = signal.getsignal(number)
        context.log.info(f"{number.name} {getattr(handler, '__name__', str(handler))}")
    context.log.info(f"a timer runs: {signal.getitimer(signal.ITIMER_REAL)[0] > 0}")

@dg.job(executor_def=dg.in_process_executor)
def speaks():
    say()

defs = dg.Definitions(jobs=[speaks])
"""


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    with serving(["-f", "each_import.py"], work) as both:
        yield both


@pytest.fixture(scope="module")
def handling(work: Path) -> Iterator[Pair]:
    (work / "handling.py").write_text(HANDLING)
    (work / "third").mkdir()
    with serving(["-f", "handling.py"], work / "third", cwd=work) as both:
        yield both


@pytest.fixture(scope="module")
def edited(work: Path) -> Iterator[Pair]:
    (work / "edited.py").write_text(EDITED.format(version="the first", name="speaks"))
    (work / "second").mkdir()
    with serving(["-f", "edited.py"], work / "second", cwd=work) as both:
        yield both


def _of_two_runs(job: str) -> Call:
    """Which values are different in two runs, and the others.

    Before the end of the rehearsal, the import is not shared either: that is in tests/api.
    """

    def make(side: Side) -> object:
        rehearsed(side)
        first, second = (_values(side, job) for _ in range(2))
        return {
            name: value if value == second[name] else "different" for name, value in first.items()
        }

    return Call("StartRun", make)


def _values(side: Side, job: str) -> dict[str, Any]:
    [said] = _said(side, job)
    return eval(said, {"datetime": datetime})  # type: ignore[no-any-return]


def _said(side: Side, job: str) -> list[str]:
    run = launch(side, job)
    run.wait_until_finished()
    logs = side.instance.all_logs(run.run_id)
    own = [entry.user_message for entry in logs if not entry.is_dagster_event]
    return [message for message in own if "Writing file at" not in message]


@table(
    [
        Case("of two runs", _of_two_runs("show"), expect='"seeded": 0.32383276483316237'),
    ]
)
def test_values_of_the_import(case: Case, pair: Pair) -> None:
    check(case, pair)


def test_the_log_says_why_runs_import_the_code(pair: Pair) -> None:
    if STOCK_AGAINST_STOCK:
        return
    rehearsed(pair.ours)
    [said] = [line for line in pair.ours.server.text.splitlines() if "runs import the code" in line]
    for name in ("STARTED reads the clock", "TAG draws random", "GENERATOR", "RANDOM draws"):
        assert name in said
    assert "SEEDED" not in said


def test_a_job_that_wants_to_be_warm_shares_the_import(pair: Pair) -> None:
    if STOCK_AGAINST_STOCK:
        return
    first, second = (_values(pair.ours, "show_warm") for _ in range(2))
    assert first["time"] == second["time"]
    assert not first["imported in this process"]
    assert first["global random"] != second["global random"]


def _after_edit(version: str, name: str = "speaks", *, code: str = EDITED) -> Call:
    def make(side: Side) -> object:
        path = side.home.parent.parent / "edited.py"
        before = path.read_text()
        rehearsed(side)
        path.write_text(code.format(version=version, name=name))
        run = launch(side, "speaks")
        run.wait_until_finished()
        story = run.story(said=_last_said(side, run.run_id))
        path.write_text(before)
        return story

    return Call("StartRun", make)


def _last_said(side: Side, run_id: str) -> list[str]:
    logs = side.instance.all_logs(run_id)
    return [entry.user_message for entry in logs if not entry.is_dagster_event][:1]


BROKEN = "import dagster as dg\n\n{version} = {name} / 0\n"


@table(
    [
        Case("of an op", _after_edit("the second"), expect="this is the second"),
        Case("that breaks the code", _after_edit("a", code=BROKEN), expect="NameError"),
        Case(
            "that removes the job", _after_edit("the third", "other"), expect="Could not find job"
        ),
    ]
)
def test_edit_after_the_load(case: Case, edited: Pair) -> None:
    """It is executed without a reload, as people rely on who repair an op and launch again."""
    check(case, edited)


def _asked_twice(side: Side) -> object:
    """Two runs; what the import asks for is made between them."""
    rehearsed(side)
    flag = side.home.parent.parent / "flag"
    said = [_said(side, "speaks")]
    flag.touch()
    said.append(_said(side, "speaks"))
    flag.unlink()
    return said


@table(
    [Case("that the import asks for", Call("StartRun", _asked_twice), expect="the flag is there")]
)
def test_a_file_that_appears(case: Case, edited: Pair) -> None:
    check(case, edited)


def _handled(side: Side) -> object:
    rehearsed(side)
    return _said(side, "speaks")


@table([Case("of the import", Call("StartRun", _handled), expect="a timer runs: True")])
def test_handlers_and_timers(case: Case, handling: Pair) -> None:
    check(case, handling)
