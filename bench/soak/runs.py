"""Runs that succeed, fail, are cancelled or are killed; each must end once, as expected."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.types import CancelExecutionRequest
from dagster._serdes import deserialize_value

from bench.soak import calling
from bench.soak.calling import Client
from bench.soak.editions import Wholeness
from bench.soak.outcomes import ANSWERED, REFUSED, WRONG, Outcome

_AT_A_TIME = 4
_LONGEST = 60.0
_PAUSE = 0.2
_PID = re.compile(r"Started process for run \(pid: (\d+)\)")

_ENDS = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
)
JOBS = ("quick", "endless", "failing", "exiting")


@dataclass(frozen=True)
class Ending:
    """The expected end of a run.

    Attributes:
        status: the final status.
        reason: pattern of the event about the end of its process; empty if there is no such event.
    """

    status: DagsterRunStatus
    reason: str = ""


# The exit code is unknown if the parent of the process had ended, too.
_LOST = r"Run execution process for \S+ (was terminated by signal 9|ended and its exit code)"
_EXITED = r"Run execution process for \S+ (unexpectedly exited with code 9|ended and its exit code)"

SUCCEEDS = Ending(DagsterRunStatus.SUCCESS)
FAILS = Ending(DagsterRunStatus.FAILURE)
EXITS = Ending(DagsterRunStatus.FAILURE, _EXITED)
IS_CANCELLED = Ending(DagsterRunStatus.CANCELED)
IS_KILLED = Ending(DagsterRunStatus.FAILURE, _LOST)


@dataclass
class Runs:
    """Every run that was launched.

    Attributes:
        instance: the instance that records the runs.
        whole: the lock for the code on disk; a run that imports broken code fails, as with stock.
        started: the expected end of each started run, by its id.
    """

    instance: DagsterInstance
    whole: Wholeness
    started: dict[str, Ending] = field(default_factory=dict)
    _places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_A_TIME))
    _descriptions: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def prepare(self, client: Client) -> None:
        """Fetch the facts about the jobs that a launcher needs; all editions have the same jobs."""
        for name in JOBS:
            data: Any = deserialize_value(calling.job(client, name))
            plan: Any = deserialize_value(calling.plan(client, name, data.job.snapshot_id))
            self._descriptions[name] = (data.job, plan)

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Take a place for one more run during the block; yields whether there was one."""
        taken = self._places.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._places.release()

    def launch(self, client: Client, job: str, ending: Ending) -> tuple[str, Outcome]:
        """Have the server start a run; returns its id and the outcome of StartRun."""
        snapshot, plan = self._descriptions[job]
        run = create_run_for_test(
            self.instance,
            job_name=job,
            status=DagsterRunStatus.STARTING,
            job_snapshot=snapshot,
            execution_plan_snapshot=plan,
            remote_job_origin=client.requests.job_origin(job),
        )
        try:
            reply = client.ask("StartRun", client.requests.run(job, run.run_id))
        except grpc.RpcError as error:
            return run.run_id, calling.refusal(error)
        result: Any = deserialize_value(reply)
        if not result.success:
            info = result.serializable_error_info
            said = info.to_string() if info else result.message
            return run.run_id, Outcome(REFUSED, said or "")
        self.started[run.run_id] = ending
        return run.run_id, Outcome(ANSWERED)

    def judge(self, run_id: str) -> str | None:
        """The fault of a run that should have ended; None if it ended as expected."""
        ending = self.started[run_id]
        run = self.instance.get_run_by_id(run_id)
        status = run.status if run else None
        ends = self.instance.all_logs(run_id, of_type=set(_ENDS))
        if status is ending.status and len(ends) == 1 and self._says(run_id, ending.reason):
            return None
        return (
            f"run {run_id}: {status}, {len(ends)} final events, for {ending}\n{self.story(run_id)}"
        )

    def story(self, run_id: str) -> str:
        """The event log of a run."""
        return "\n".join(
            f"  {entry.timestamp:.3f} {entry.dagster_event.event_type_value}: "
            f"{(entry.dagster_event.message or '')[:600]}"
            for entry in self.instance.all_logs(run_id)
            if entry.dagster_event
        )

    def messages(self, run_id: str) -> list[str]:
        """The messages of the events about a run's process."""
        entries = self.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
        return [entry.dagster_event.message or "" for entry in entries if entry.dagster_event]

    def pid(self, run_id: str) -> int | None:
        """The pid of the process that executes a run; None before its event."""
        found = [match for text in self.messages(run_id) if (match := _PID.search(text))]
        return int(found[0][1]) if found else None

    def has_code(self, run_id: str) -> bool:
        """Whether a run has imported the code, or never will."""
        run = self.instance.get_run_by_id(run_id)
        return run is not None and run.status is not DagsterRunStatus.STARTING

    def has_begun(self, run_id: str) -> bool:
        """Whether a run has begun its op."""
        return bool(self.instance.all_logs(run_id, of_type=DagsterEventType.STEP_START))

    def is_over(self, run_id: str) -> bool:
        """Whether a run has a final status."""
        run = self.instance.get_run_by_id(run_id)
        return run is not None and run.is_finished

    def _says(self, run_id: str, reason: str) -> bool:
        return any(re.search(reason, text) for text in self.messages(run_id))


def execute(runs: Runs, client: Client, job: str, ending: Ending) -> Outcome:
    """Execute a run from its launch to its end; returns the outcome."""
    with runs.whole.relied_on():
        run_id, outcome = runs.launch(client, job, ending)
        if outcome.kind != ANSWERED:
            return outcome
        if not _eventually(client, lambda: runs.has_code(run_id)):
            return Outcome(WRONG, f"run {run_id} did not start\n{runs.story(run_id)}")
    if ending in (IS_CANCELLED, IS_KILLED):
        if not _eventually(client, lambda: runs.has_begun(run_id)):
            return Outcome(WRONG, f"run {run_id} did not begin\n{runs.story(run_id)}")
        try:
            _cancel(runs, client, run_id) if ending is IS_CANCELLED else _kill(runs, run_id)
        except grpc.RpcError as error:
            return calling.refusal(error)
    if not _eventually(client, lambda: runs.is_over(run_id)):
        return Outcome(WRONG, f"run {run_id} did not end\n{runs.story(run_id)}")
    # The reason is written before the final status, so the log is complete now.
    problem = runs.judge(run_id)
    return Outcome(WRONG, problem) if problem else Outcome(ANSWERED)


def _eventually(client: Client, probe: Callable[[], bool]) -> bool:
    end = time.monotonic() + _LONGEST
    while not probe():
        if time.monotonic() > end or client.abort.wait(_PAUSE):
            return False
    return True


def _cancel(runs: Runs, client: Client, run_id: str) -> None:
    # As Dagster's launcher does, so that the interrupted run becomes CANCELED, not FAILED.
    run = runs.instance.get_run_by_id(run_id)
    assert run
    runs.instance.report_run_canceling(run)
    reply = client.ask("CancelExecution", CancelExecutionRequest(run_id=run_id))
    result: Any = deserialize_value(reply)
    if not result.success:
        raise RuntimeError(f"CancelExecution of run {run_id}: {result}\n{runs.story(run_id)}")


def _kill(runs: Runs, run_id: str) -> None:
    pid = runs.pid(run_id)
    if pid and Path(f"/proc/{pid}/comm").read_text().strip() == "codeserver run":
        os.kill(pid, signal.SIGKILL)
