"""Calls of the server as Dagster makes them, each with what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import grpc
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._grpc.__generated__ import DagsterApiStub
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.types import (
    ExecutionPlanSnapshotArgs,
    ExternalScheduleExecutionArgs,
    JobSubsetSnapshotArgs,
    PartitionArgs,
    PartitionNamesArgs,
    PartitionSetExecutionParamArgs,
    SensorExecutionArgs,
)
from dagster._serdes import deserialize_value, serialize_value

from bench.soak.outcomes import ANSWERED, ERROR, Outcome

REPOSITORY = "__repository__"
NEW_YEAR = 1704067200.0  # 2024-01-01 00:00 UTC
PATIENCE = 60.0
"""Seconds for what is healthy, on a machine that is busy."""

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


def origin() -> RemoteRepositoryOrigin:
    """The repository; the server does not look at the address in it."""
    location = GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name="soak")
    return RemoteRepositoryOrigin(location, REPOSITORY)


def job_origin(job: str) -> RemoteJobOrigin:
    """A job of it."""
    return RemoteJobOrigin(origin(), job)


def connect(socket: Path) -> grpc.Channel:
    """A connection that is shared with nobody else in this process."""
    return grpc.insecure_channel(f"unix:{socket}", options=_OPTIONS)


@dataclass
class Client:
    """One client with a connection of its own.

    Attributes:
        socket: where the server is.
        instance_ref: the instance that ticks and runs use.
        random: decides what this client does.
        abort: set when it should not even finish what it does.
    """

    socket: Path
    instance_ref: InstanceRef
    random: Random
    abort: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def channel(self) -> grpc.Channel:
        """The connection."""
        return connect(self.socket)

    @cached_property
    def stub(self) -> Any:
        """The RPCs of Dagster's service."""
        return DagsterApiStub(self.channel)

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


def understand(serialized: str) -> Outcome:
    """The Dagster object in a reply: an error that it carries, or else an answer."""
    value: Any = deserialize_value(serialized)
    error = getattr(value, "error", None) or getattr(value, "serializable_error_info", None)
    if type(value).__name__ == "SerializableErrorInfo":
        error = value
    if error is not None:
        return Outcome(ERROR, error.to_string())
    return Outcome(ANSWERED, str(getattr(value, "skip_message", "") or type(value).__name__))


def refusal(error: grpc.RpcError) -> Outcome:
    """A call that ended with a status."""
    return Outcome(error.code().name, error.details() or "")


def called(call: Callable[[], str]) -> Outcome:
    """What came of a call that returns something serialized."""
    try:
        return understand(call())
    except grpc.RpcError as error:
        return refusal(error)


def sensor_request(
    client: Client, name: str, cursor: str, seconds: float
) -> pb.ExternalSensorExecutionRequest:
    """For a tick of a sensor that may take this long."""
    args = SensorExecutionArgs(
        repository_origin=origin(),
        instance_ref=client.instance_ref,
        sensor_name=name,
        last_tick_completion_time=NEW_YEAR,
        last_run_key=None,
        cursor=cursor,
        log_key=[],
        timeout=int(seconds),
        last_sensor_start_time=NEW_YEAR,
    )
    return pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=serialize_value(args)
    )


def sensor(
    client: Client, name: str, cursor: str = "", seconds: float = PATIENCE, *, stream: bool = False
) -> Outcome:
    """A tick, as the daemon asks for it."""
    request = sensor_request(client, name, cursor, seconds)

    def call() -> str:
        if stream:
            chunks = client.stub.ExternalSensorExecution(request, timeout=seconds)
            return "".join(chunk.serialized_chunk for chunk in chunks)
        reply = client.stub.SyncExternalSensorExecution(request, timeout=seconds)
        return str(reply.serialized_sensor_result)

    return called(call)


def abandoned_sensor(client: Client, name: str, after: float) -> Outcome:
    """A tick whose caller goes away after so many seconds, unless it has ended before."""
    request = sensor_request(client, name, "", PATIENCE)
    future = client.stub.SyncExternalSensorExecution.future(request, timeout=PATIENCE)
    ended = threading.Event()
    future.add_done_callback(lambda _: ended.set())
    ended.wait(after)
    future.cancel()
    try:
        return understand(future.result().serialized_sensor_result)
    except grpc.FutureCancelledError:
        return Outcome("CANCELLED")
    except grpc.RpcError as error:
        return refusal(error)


def schedule(client: Client, name: str, minute: int, seconds: float = PATIENCE) -> Outcome:
    """A tick of a schedule, at this minute of the year."""
    args = ExternalScheduleExecutionArgs(
        repository_origin=origin(),
        instance_ref=client.instance_ref,
        schedule_name=name,
        scheduled_execution_timestamp=NEW_YEAR + 60 * minute,
        scheduled_execution_timezone="UTC",
    )
    request = pb.ExternalScheduleExecutionRequest(
        serialized_external_schedule_execution_args=serialize_value(args)
    )
    return called(
        lambda: (
            client.stub.SyncExternalScheduleExecution(
                request, timeout=seconds
            ).serialized_schedule_result
        )
    )


def plan(client: Client, job: str, snapshot_id: str = "any") -> str:
    """The serialized execution plan of a job."""
    args = ExecutionPlanSnapshotArgs(
        job_origin=job_origin(job),
        op_selection=[],
        run_config={},
        step_keys_to_execute=None,
        job_snapshot_id=snapshot_id,
        instance_ref=client.instance_ref,
    )
    request = pb.ExecutionPlanSnapshotRequest(
        serialized_execution_plan_snapshot_args=serialize_value(args)
    )
    reply = client.stub.ExecutionPlanSnapshot(request, timeout=PATIENCE)
    return str(reply.serialized_execution_plan_snapshot)


def subset(client: Client, job: str, op: str) -> str:
    """A job with one of its ops only."""
    args = JobSubsetSnapshotArgs(
        job_origin=job_origin(job),
        op_selection=[op],
        asset_selection=None,
        include_parent_snapshot=True,
    )
    request = pb.ExternalPipelineSubsetSnapshotRequest(
        serialized_pipeline_subset_snapshot_args=serialize_value(args)
    )
    reply = client.stub.ExternalPipelineSubsetSnapshot(request, timeout=PATIENCE)
    return str(reply.serialized_external_pipeline_subset_result)


def partition_names(client: Client, job: str) -> str:
    """Every partition of a job."""
    args = PartitionNamesArgs(
        repository_origin=origin(), partition_set_name=f"{job}_partition_set", job_name=job
    )
    request = pb.ExternalPartitionNamesRequest(
        serialized_partition_names_args=serialize_value(args)
    )
    reply = client.stub.ExternalPartitionNames(request, timeout=PATIENCE)
    return str(reply.serialized_external_partition_names_or_external_partition_execution_error)


def partition_config(client: Client, job: str, key: str, seconds: float = PATIENCE) -> str:
    """The run config of a partition."""
    args = PartitionArgs(
        repository_origin=origin(),
        partition_set_name=f"{job}_partition_set",
        partition_name=key,
        instance_ref=client.instance_ref,
    )
    request = pb.ExternalPartitionConfigRequest(serialized_partition_args=serialize_value(args))
    reply = client.stub.ExternalPartitionConfig(request, timeout=seconds)
    return str(reply.serialized_external_partition_config_or_external_partition_execution_error)


def partition_params(client: Client, job: str, keys: list[str]) -> str:
    """What a backfill of these partitions needs."""
    args = PartitionSetExecutionParamArgs(
        repository_origin=origin(),
        partition_set_name=f"{job}_partition_set",
        partition_names=keys,
        instance_ref=client.instance_ref,
    )
    request = pb.ExternalPartitionSetExecutionParamsRequest(
        serialized_partition_set_execution_param_args=serialize_value(args)
    )
    chunks = client.stub.ExternalPartitionSetExecutionParams(request, timeout=PATIENCE)
    return "".join(chunk.serialized_chunk for chunk in chunks)


def repositories(client: Client) -> str:
    """The listing of the location."""
    reply = client.stub.ListRepositories(pb.ListRepositoriesRequest(), timeout=PATIENCE)
    return str(reply.serialized_list_repositories_response_or_error)


def repository(client: Client, *, deferred: bool, stream: bool) -> str:
    """The repository, with its jobs or without."""
    request = pb.ExternalRepositoryRequest(
        serialized_repository_python_origin=serialize_value(origin()), defer_snapshots=deferred
    )
    if stream:
        chunks = client.stub.StreamingExternalRepository(request, timeout=PATIENCE)
        return "".join(chunk.serialized_external_repository_chunk for chunk in chunks)
    reply = client.stub.ExternalRepository(request, timeout=PATIENCE)
    return str(reply.serialized_external_repository_data)


def job(client: Client, name: str) -> str:
    """One job with its snapshot, or the error that takes its place."""
    request = pb.ExternalJobRequest(
        serialized_repository_origin=serialize_value(origin()), job_name=name
    )
    reply = client.stub.ExternalJob(request, timeout=PATIENCE)
    return str(reply.serialized_job_data or reply.serialized_error)


def current_runs(client: Client) -> list[str]:
    """Ids of the runs that the server executes."""
    reply = client.stub.GetCurrentRuns(pb.Empty(), timeout=PATIENCE)
    value: Any = deserialize_value(reply.serialized_current_runs)
    return list(value.current_runs)
