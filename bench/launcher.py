"""Runs, created and started as Dagster's run launcher does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.remote_representation.external_data import JobDataSnap
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.test_utils import create_run_for_test
from dagster._serdes import deserialize_value

from bench.client import Refused
from bench.processes import eventually
from bench.requests import message, stub_of
from bench.servers import Server

START_SECONDS = 60
"""The limit that Dagster's client sets for StartRun."""
_RUN_SECONDS = 600.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class RunTimes:
    """Seconds from the call of StartRun to its reply, and to the events of the run.

    The events are the first one of the run's process, RUN_START, and the final status.
    """

    reply: float
    first_event: float
    start: float
    end: float


class Launcher:
    """Creates runs of one job in the instance of a server, and has the server start them."""

    def __init__(self, server: Server, instance: DagsterInstance, job: str) -> None:
        self.server = server
        self._instance = instance
        self._client = server.client
        self._requests = server.client.requests
        self._job = job
        self._described = deserialize_value(self._client.job(job), JobDataSnap).job
        self._plan: Any = deserialize_value(self._client.plan(job))

    def make(self) -> str:
        """Create a run in the state in which the launcher gets it; returns its id."""
        run = create_run_for_test(
            self._instance,
            job_name=self._job,
            job_snapshot=self._described,
            execution_plan_snapshot=self._plan,
            remote_job_origin=self._requests.job_origin(self._job),
        )
        starting = DagsterEvent(DagsterEventType.RUN_STARTING.value, run.job_name)
        self._instance.report_dagster_event(starting, run_id=run.run_id)
        return str(run.run_id)

    def start(self, run_id: str) -> None:
        """`StartRun`, over a new channel.

        Raises:
            Refused: the run was not started.
        """
        with self._client.channel() as channel:
            request = message(self._requests.run(self._job, run_id))
            _check(stub_of(channel).StartRun(request, timeout=START_SECONDS))

    def run(self) -> RunTimes:
        """Create and start a run, and watch it until its end.

        Raises:
            Refused: the run was not started, did not end in time or did not succeed.
        """
        run_id = self.make()
        request = message(self._requests.run(self._job, run_id))
        replied: list[float] = []
        began, wall = time.monotonic(), time.time()
        with self._client.channel() as channel:
            future = stub_of(channel).StartRun.future(request, timeout=START_SECONDS)
            future.add_done_callback(lambda _: replied.append(time.monotonic()))
            first_event = self._first_event(run_id, began)
            end = self.wait([run_id], began, _POLL_SECONDS)
            _check(future.result())
        if self.successes([run_id]) != 1:
            raise Refused("the run did not succeed")
        found = self._instance.get_records_for_run(run_id, of_type=DagsterEventType.RUN_START)
        start = found.records[0].event_log_entry.timestamp - wall
        return RunTimes(replied[0] - began, first_event - began, start, end - began)

    def _first_event(self, run_id: str, began: float) -> float:
        """The time at which the run has an event besides the one from `make`."""

        def has_event() -> bool:
            return len(self._instance.event_log_storage.get_logs_for_run(run_id, limit=2)) == 2

        return _wait(has_event, began, _POLL_SECONDS)

    def wait(self, run_ids: Sequence[str], began: float, every: float) -> float:
        """Wait until the runs have ended; returns the time at which they have.

        Args:
            run_ids: the runs.
            began: the start of the first run.
            every: seconds between two checks.

        Raises:
            Refused: a run has not ended ten minutes after `began`.
        """
        return _wait(lambda: self._count(run_ids, FINISHED_STATUSES) == len(run_ids), began, every)

    def times_of(self, run_id: str, kind: DagsterEventType) -> Mapping[str, float]:
        """The times of the events of this type, in seconds since the epoch, by step."""
        found = self._instance.get_records_for_run(run_id, of_type=kind).records
        entries = [each.event_log_entry for each in found]
        return {str(entry.step_key): float(entry.timestamp) for entry in entries}

    def successes(self, run_ids: Sequence[str]) -> int:
        """The number of these runs that have succeeded."""
        return self._count(run_ids, [DagsterRunStatus.SUCCESS])

    def _count(self, run_ids: Sequence[str], statuses: Sequence[DagsterRunStatus]) -> int:
        return self._instance.get_runs_count(RunsFilter(run_ids=run_ids, statuses=list(statuses)))


@contextmanager
def launching(server: Server, job: str) -> Iterator[Launcher]:
    """A launcher with its own connection to the server's instance."""
    with DagsterInstance.from_ref(server.client.instance_ref) as instance:
        yield Launcher(server, instance, job)


def _check(reply: Any) -> None:
    result: Any = deserialize_value(reply.serialized_start_run_result)
    if not result.success:
        raise Refused(result.message or "StartRun has failed")


def _wait(is_so: Callable[[], bool], began: float, every: float) -> float:
    if not eventually(is_so, began + _RUN_SECONDS - time.monotonic(), every):
        raise Refused(f"a run has not ended after {_RUN_SECONDS:.0f} s")
    return time.monotonic()
