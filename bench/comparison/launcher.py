"""Runs, made and started as Dagster's launcher of runs does it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.test_utils import create_run_for_test
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiStub
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import ExecuteExternalJobArgs, ExecutionPlanSnapshotArgs
from dagster._serdes import deserialize_value, serialize_value

from bench.calls import Refused
from bench.comparison.client import socket_of
from bench.servers import Server

START_SECONDS = 60
"""The limit that Dagster's client sets for StartRun."""
_RUN_SECONDS = 120.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class RunTimes:
    """How long a run took, from the moment at which StartRun was called.

    Attributes:
        reply: seconds until StartRun has answered.
        first_event: until the run's process has written its first event.
        start: until the code is there and the job begins (the event RUN_START).
        end: until the run has its final status, SUCCESS.
    """

    reply: float
    first_event: float
    start: float
    end: float


class Launcher:
    """Makes runs of one job and has a server start them.

    Args:
        server: it.
        instance: the one in its DAGSTER_HOME.
        job: name of the job.
    """

    def __init__(self, server: Server, instance: DagsterInstance, job: str) -> None:
        socket = str(socket_of(server))
        self.server = server
        self._address = f"unix:{socket}"
        self._instance = instance
        location = GrpcServerCodeLocationOrigin("localhost", None, socket, "compared")
        repository = RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)
        self._origin = RemoteJobOrigin(repository, job)
        client = DagsterGrpcClient(socket=socket)
        described: Any = deserialize_value(
            client.external_job(repository, job).serialized_job_data or ""
        )
        self._job = described.job
        self._plan: Any = deserialize_value(
            client.execution_plan_snapshot(
                ExecutionPlanSnapshotArgs(
                    job_origin=self._origin,
                    op_selection=[],
                    run_config={},
                    step_keys_to_execute=None,
                    job_snapshot_id=self._job.snapshot_id,
                    instance_ref=instance.get_ref(),
                )
            )
        )

    def make(self) -> str:
        """Make a run that is as the launcher gets it, with its event log; its id."""
        run = create_run_for_test(
            self._instance,
            job_name=self._origin.job_name,
            job_snapshot=self._job,
            execution_plan_snapshot=self._plan,
            remote_job_origin=self._origin,
        )
        starting = DagsterEvent(DagsterEventType.RUN_STARTING.value, run.job_name)
        self._instance.report_dagster_event(starting, run_id=run.run_id)
        return str(run.run_id)

    def start(self, run_id: str) -> None:
        """`StartRun`, over a new channel.

        Raises:
            Refused: the run was not started.
        """
        with self._channel() as channel:
            stub = DagsterApiStub(channel)  # type: ignore[no-untyped-call]
            _check(stub.StartRun(self._request(run_id), timeout=START_SECONDS))

    def run(self) -> RunTimes:
        """Make a run, have it started, and watch it until it has ended.

        Raises:
            Refused: it was not started, did not end in time or did not succeed.
        """
        run_id = self.make()
        request = self._request(run_id)
        replied: list[float] = []
        began, wall = time.monotonic(), time.time()
        with self._channel() as channel:
            stub = DagsterApiStub(channel)  # type: ignore[no-untyped-call]
            future = stub.StartRun.future(request, timeout=START_SECONDS)
            future.add_done_callback(lambda _: replied.append(time.monotonic()))
            first_event = self._first_event(run_id, began)
            end = self.wait([run_id], began, _POLL_SECONDS)
            _check(future.result())
        if self.successes([run_id]) != 1:
            raise Refused("the run did not succeed")
        start = self._started(run_id) - wall
        return RunTimes(replied[0] - began, first_event - began, start, end - began)

    def _first_event(self, run_id: str, began: float) -> float:
        """When there is an event besides the one that `make` has written."""
        while len(self._instance.event_log_storage.get_logs_for_run(run_id, limit=2)) < 2:
            _check_time(began)
            time.sleep(_POLL_SECONDS)
        return time.monotonic()

    def _started(self, run_id: str) -> float:
        """When the event RUN_START was written, in seconds since the epoch."""
        found = self._instance.get_records_for_run(run_id, of_type=DagsterEventType.RUN_START)
        return float(found.records[0].event_log_entry.timestamp)

    def wait(self, run_ids: Sequence[str], began: float, every: float) -> float:
        """When these have all ended.

        Args:
            run_ids: the runs.
            began: when the first was started; `Refused` is raised two minutes later.
            every: seconds between two looks.
        """
        while self._count(run_ids, FINISHED_STATUSES) < len(run_ids):
            _check_time(began)
            time.sleep(every)
        return time.monotonic()

    def successes(self, run_ids: Sequence[str]) -> int:
        """How many of these runs have succeeded."""
        return self._count(run_ids, [DagsterRunStatus.SUCCESS])

    def _count(self, run_ids: Sequence[str], statuses: Sequence[DagsterRunStatus]) -> int:
        return self._instance.get_runs_count(RunsFilter(run_ids=run_ids, statuses=list(statuses)))

    def _request(self, run_id: str) -> pb.StartRunRequest:
        args = ExecuteExternalJobArgs(
            job_origin=self._origin, run_id=run_id, instance_ref=self._instance.get_ref()
        )
        return pb.StartRunRequest(serialized_execute_run_args=serialize_value(args))

    def _channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self._address, compression=grpc.Compression.Gzip)


@contextmanager
def launching(server: Server, job: str) -> Iterator[Launcher]:
    """A launcher with its own connection to the instance of the server."""
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(server.home))) as instance:
        yield Launcher(server, instance, job)


def _check(reply: Any) -> None:
    result: Any = deserialize_value(reply.serialized_start_run_result)
    if not result.success:
        raise Refused(result.message or "StartRun has failed")


def _check_time(began: float) -> None:
    if time.monotonic() > began + _RUN_SECONDS:
        raise Refused(f"a run has not ended after {_RUN_SECONDS:.0f} s")
