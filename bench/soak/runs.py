"""Runs that succeed, fail, are cancelled or are killed; each must end once, as expected."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._grpc.types import CancelExecutionRequest
from dagster._serdes import deserialize_value

from bench.launcher import Launcher
from bench.processes import eventually
from bench.soak.calling import Client, refused
from bench.soak.server import Server
from bench.soak.tally import ANSWERED, REFUSED, Outcome

_AT_A_TIME = 4
_LONGEST = 60.0
_PID = re.compile(r"Started process for run \(pid: (\d+)\)")

_ENDS = {
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
}
_UNSTARTED = (None, DagsterRunStatus.STARTING)
_FINISHED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)


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
        server: the server; a run that imports broken code from its disk fails, as with stock.
        instance: the instance that records the runs.
        started: the expected end of each started run, by its id.
    """

    server: Server
    instance: DagsterInstance
    started: dict[str, Ending] = field(default_factory=dict)
    _places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_A_TIME))
    _launchers: dict[str, Launcher] = field(default_factory=dict)

    def prepare(self, *jobs: str) -> None:
        """Fetch the facts about the jobs that a launcher needs; all editions have the same jobs."""
        for job in jobs:
            self._launchers[job] = Launcher(self.server, self.instance, job)

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Take a place for one more run during the block; yields whether there was one."""
        taken = self._places.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._places.release()

    def execute(self, client: Client, job: str, ending: Ending) -> Outcome:
        """Execute a run from its launch to its end; returns the outcome.

        Raises:
            RuntimeError: the run does not end in time, or not as expected.
        """
        run_id = self._launchers[job].make()

        def wait(what: str, probe: Callable[[], bool]) -> None:
            eventually(lambda: client.abort.is_set() or probe(), _LONGEST)
            if not probe():
                raise RuntimeError(f"run {run_id} did not {what}\n{self._story(run_id)}")

        try:
            with self.server.editions.whole.relied_on():
                # The code must be whole until the run has imported it.
                if refusal := self._start(client, job, run_id, ending):
                    return refusal
                wait("start", lambda: self._status(run_id) not in _UNSTARTED)
            if ending in (IS_CANCELLED, IS_KILLED):
                wait("begin", lambda: bool(self._logs(run_id, DagsterEventType.STEP_START)))
                self._cancel(client, run_id) if ending is IS_CANCELLED else self._kill(run_id)
        except grpc.RpcError as error:
            return refused(error)
        wait("end", lambda: self._status(run_id) in _FINISHED)
        # The reason is written before the final status, so the log is complete now.
        if fault := self.judge(run_id):
            raise RuntimeError(fault)
        return Outcome(ANSWERED)

    def judge(self, run_id: str) -> str | None:
        """The fault of a run that should have ended; None if it ended as expected."""
        ending, status, ends = self.started[run_id], self._status(run_id), self._logs(run_id, _ENDS)
        said = any(re.search(ending.reason, text) for text in self._messages(run_id))
        if status is ending.status and len(ends) == 1 and said:
            return None
        story = self._story(run_id)
        return f"run {run_id}: {status}, {len(ends)} final events, for {ending}\n{story}"

    def _start(self, client: Client, job: str, run_id: str, ending: Ending) -> Outcome | None:
        """Have the server start a run; returns its refusal."""
        result: Any = deserialize_value(client.ask("StartRun", client.requests.run(job, run_id)))
        if result.success:
            self.started[run_id] = ending
            return None
        info = result.serializable_error_info
        return Outcome(REFUSED, (info.to_string() if info else result.message) or "")

    def _cancel(self, client: Client, run_id: str) -> None:
        # As Dagster's launcher does, so that the interrupted run becomes CANCELED, not FAILED.
        run = self.instance.get_run_by_id(run_id)
        assert run
        self.instance.report_run_canceling(run)
        reply = client.ask("CancelExecution", CancelExecutionRequest(run_id=run_id))
        result: Any = deserialize_value(reply)
        if not result.success:
            raise RuntimeError(f"CancelExecution of run {run_id}: {result}\n{self._story(run_id)}")

    def _kill(self, run_id: str) -> None:
        found = [match for text in self._messages(run_id) if (match := _PID.search(text))]
        pid = int(found[0][1]) if found else None
        if pid and Path(f"/proc/{pid}/comm").read_text().strip() == "codeserver run":
            os.kill(pid, signal.SIGKILL)

    def _status(self, run_id: str) -> DagsterRunStatus | None:
        run = self.instance.get_run_by_id(run_id)
        return run.status if run else None

    def _logs(self, run_id: str, of_type: Any = None) -> list[Any]:
        entries = self.instance.all_logs(run_id, of_type=of_type)
        return [entry for entry in entries if entry.dagster_event]

    def _messages(self, run_id: str) -> list[str]:
        """The messages of the events about a run's process."""
        entries = self._logs(run_id, DagsterEventType.ENGINE_EVENT)
        return [entry.dagster_event.message or "" for entry in entries]

    def _story(self, run_id: str) -> str:
        """The event log of a run."""
        return "\n".join(
            f"  {entry.timestamp:.3f} {entry.dagster_event.event_type_value}: "
            f"{(entry.dagster_event.message or '')[:600]}"
            for entry in self._logs(run_id)
        )
