"""StartRun to the end of the run, and cancelling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.types import ExecuteExternalJobArgs
from dagster._serdes import serialize_value

from tests.differential import calls
from tests.differential.calls import Call, raw
from tests.differential.cases import Case, check, table
from tests.differential.running import current_runs, launch, start
from tests.differential.sides import Pair, Side, serving
from tests.support.eventually import eventually

NO_RUN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    """Servers with instances of their own: ticks of other tests must not see these runs."""
    with serving(["-f", "repo.py"], work) as both:
        yield both


def _to_the_end(job: str) -> Call:
    def make(side: Side) -> object:
        launched = launch(side, job)
        launched.wait_until_finished()
        return launched.story()

    return Call("StartRun", make)


def _job_that_went_away(side: Side) -> object:
    run = create_run_for_test(side.instance, job_name="gone")
    launched = start(side, run.run_id, "gone")
    launched.wait_until_finished()
    return launched.story()


def _cancelled(side: Side) -> object:
    release = side.home / "release"
    config = {"ops": {"wait_for_cancel": {"config": {"path": str(release)}}}}
    launched = launch(side, "waits", config)
    cancel = calls.cancel(launched.run_id)
    can_cancel = calls.can_cancel(launched.run_id)

    eventually(release.with_suffix(".begun").exists, what="the op")
    said = [current_runs(side), can_cancel.make(side)]
    side.instance.report_run_canceling(launched.run)  # as the run launcher does
    said += [cancel.make(side), can_cancel.make(side)]
    said += [cancel.make(side), current_runs(side)]
    release.touch()
    launched.wait_until_finished()
    said += [can_cancel.make(side), cancel.make(side)]
    return launched.story(said=said)


@table(
    [
        Case("succeeds", _to_the_end("arithmetic"), expect='"status": "SUCCESS"'),
        Case("in several processes", _to_the_end("in_processes"), expect='"status": "SUCCESS"'),
        Case("fails", _to_the_end("raises"), expect="ValueError: no such thing"),
        Case("exits", _to_the_end("exits"), expect="unexpectedly exited with code 7"),
        Case("is killed", _to_the_end("killed"), expect="terminated by signal 9 (SIGKILL)"),
        Case("unknown job", Call("StartRun", _job_that_went_away), expect="Could not find job"),
    ]
)
def test_run(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("running run", Call("CancelExecution", _cancelled), expect='"status": "CANCELED"'),
        Case("unknown run", calls.cancel(NO_RUN), expect='"success": false'),
        Case("unknown run", calls.can_cancel(NO_RUN), expect='"can_cancel": false'),
        Case("empty run id", calls.can_cancel(""), expect='"can_cancel": false'),
    ]
)
def test_cancel(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("unknown run", calls.start_run("arithmetic", NO_RUN), expect="could not load run"),
        Case(
            "no instance",
            raw(
                "StartRun",
                serialized_execute_run_args=serialize_value(
                    ExecuteExternalJobArgs(
                        job_origin=calls.job_origin("arithmetic"), run_id=NO_RUN, instance_ref=None
                    )
                ),
            ),
            expect="UNKNOWN",
            difference="failed start",
        ),
        Case("none left", raw("GetCurrentRuns"), expect='"current_runs": []'),
    ]
)
def test_cannot_start(case: Case, pair: Pair) -> None:
    check(case, pair)
