"""One function per RPC: each takes what is interesting about a call and returns the call.

Calls go through Dagster's own client where it has a method that sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import AssetKey
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.types import (
    CanCancelExecutionRequest,
    CancelExecutionRequest,
    ExecuteExternalJobArgs,
    ExecutionPlanSnapshotArgs,
    ExternalScheduleExecutionArgs,
    JobSubsetSnapshotArgs,
    PartitionArgs,
    PartitionNamesArgs,
    PartitionSetExecutionParamArgs,
    SensorExecutionArgs,
)
from dagster._serdes import serialize_value

from tests.differential.plain import chunks, value
from tests.differential.sides import Side

REPOSITORY = "__repository__"
NEW_YEAR = 1704085200.0  # 2024-01-01 05:00 UTC
TIMEOUT = 60


@dataclass(frozen=True)
class Call:
    """An RPC, by its name in the service, and how to make it."""

    rpc: str
    make: Callable[[Side], object]


def origin(repository: str = REPOSITORY) -> RemoteRepositoryOrigin:
    """The same for both servers; neither looks at the address in it."""
    location = GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name="here")
    return RemoteRepositoryOrigin(location, repository)


def job_origin(job: str, repository: str = REPOSITORY) -> RemoteJobOrigin:
    return RemoteJobOrigin(origin(repository), job)


def raw(rpc: str, **content: Any) -> Call:
    """`rpc` with a message of these fields; returns all fields of the reply."""
    method = pb.DESCRIPTOR.services_by_name["DagsterApi"].methods_by_name[rpc]
    request_type = getattr(pb, method.input_type.name)

    def make(side: Side) -> object:
        reply = getattr(side.stub, rpc)(request_type(**content), timeout=TIMEOUT)
        return [fields(event) for event in reply] if method.server_streaming else fields(reply)

    return Call(rpc, make)


def fields(message: Any) -> dict[str, object]:
    """Every field of a reply; those that hold Dagster objects as such, empty ones as None."""
    found = {}
    for field in message.DESCRIPTOR.fields:
        content = getattr(message, field.name)
        if field.name.startswith("serialized_") and field.name != "serialized_server_id":
            content = value(content) if content else None
        found[field.name] = content
    return found


def list_repositories() -> Call:
    return Call("ListRepositories", lambda side: value(side.client.list_repositories()))


def repository(*, defer_snapshots: bool = False, repository: str = REPOSITORY) -> Call:
    def make(side: Side) -> object:
        return value(side.client.external_repository(origin(repository), defer_snapshots))

    return Call("ExternalRepository", make)


def repository_stream(*, defer_snapshots: bool = False, repository: str = REPOSITORY) -> Call:
    request = pb.ExternalRepositoryRequest(
        serialized_repository_python_origin=serialize_value(origin(repository)),
        defer_snapshots=defer_snapshots,
    )

    def make(side: Side) -> object:
        events = side.stub.StreamingExternalRepository(request, timeout=TIMEOUT)
        return chunks(events, "serialized_external_repository_chunk")

    return Call("StreamingExternalRepository", make)


def job(name: str, *, repository: str = REPOSITORY) -> Call:
    return Call(
        "ExternalJob", lambda side: fields(side.client.external_job(origin(repository), name))
    )


def plan(
    job: str,
    *,
    run_config: Mapping[str, object] | None = None,
    ops: Sequence[str] | None = None,
    assets: Sequence[str] | None = None,
    steps: Sequence[str] | None = None,
    repository: str = REPOSITORY,
) -> Call:
    def make(side: Side) -> object:
        args = ExecutionPlanSnapshotArgs(
            job_origin=job_origin(job, repository),
            op_selection=ops or [],
            run_config=run_config or {},
            step_keys_to_execute=steps,
            job_snapshot_id="a snapshot",
            instance_ref=side.instance_ref,
            asset_selection=_asset_keys(assets),
        )
        return value(side.client.execution_plan_snapshot(args))

    return Call("ExecutionPlanSnapshot", make)


def subset(
    job: str,
    *,
    ops: Sequence[str] | None = None,
    assets: Sequence[str] | None = None,
    parent: bool = True,
    repository: str = REPOSITORY,
) -> Call:
    args = JobSubsetSnapshotArgs(
        job_origin=job_origin(job, repository),
        op_selection=ops,
        asset_selection=_asset_keys(assets),
        include_parent_snapshot=parent,
    )
    return Call(
        "ExternalPipelineSubsetSnapshot",
        lambda side: value(side.client.external_pipeline_subset(args)),
    )


def _asset_keys(names: Sequence[str] | None) -> set[AssetKey] | None:
    return None if names is None else {AssetKey(name) for name in names}


def partition_names(job: str, *, repository: str = REPOSITORY) -> Call:
    args = PartitionNamesArgs(
        repository_origin=origin(repository),
        partition_set_name=f"{job}_partition_set",
        job_name=job,
    )
    return Call(
        "ExternalPartitionNames", lambda side: value(side.client.external_partition_names(args))
    )


def partition(rpc: str, job: str, key: str, *, repository: str = REPOSITORY) -> Call:
    """`rpc` is ExternalPartitionConfig or ExternalPartitionTags."""

    def make(side: Side) -> object:
        args = PartitionArgs(
            repository_origin=origin(repository),
            partition_set_name=f"{job}_partition_set",
            partition_name=key,
            instance_ref=side.instance_ref,
        )
        if rpc == "ExternalPartitionConfig":
            return value(side.client.external_partition_config(args))
        return value(side.client.external_partition_tags(args))

    return Call(rpc, make)


def partition_params(job: str, keys: Sequence[str], *, repository: str = REPOSITORY) -> Call:
    def make(side: Side) -> object:
        args = PartitionSetExecutionParamArgs(
            repository_origin=origin(repository),
            partition_set_name=f"{job}_partition_set",
            partition_names=keys,
            instance_ref=side.instance_ref,
        )
        return value(side.client.external_partition_set_execution_params(args))

    return Call("ExternalPartitionSetExecutionParams", make)


def schedule(
    name: str,
    *,
    at: float | None = NEW_YEAR,
    zone: str | None = "UTC",
    streamed: bool = False,
    repository: str = REPOSITORY,
) -> Call:
    def make(side: Side) -> object:
        args = ExternalScheduleExecutionArgs(
            repository_origin=origin(repository),
            instance_ref=side.instance_ref,
            schedule_name=name,
            scheduled_execution_timestamp=at,
            scheduled_execution_timezone=zone,
        )
        if not streamed:
            return value(side.client.external_schedule_execution(args))
        request = pb.ExternalScheduleExecutionRequest(
            serialized_external_schedule_execution_args=serialize_value(args)
        )
        events = side.stub.ExternalScheduleExecution(request, timeout=TIMEOUT)
        return chunks(events, "serialized_chunk")

    return Call(f"{'' if streamed else 'Sync'}ExternalScheduleExecution", make)


def sensor(
    name: str,
    *,
    cursor: str | None = None,
    instance: bool = True,
    log_key: Sequence[str] = (),
    streamed: bool = False,
    repository: str = REPOSITORY,
) -> Call:
    def make(side: Side) -> object:
        args = SensorExecutionArgs(
            repository_origin=origin(repository),
            instance_ref=side.instance_ref if instance else None,
            sensor_name=name,
            last_tick_completion_time=NEW_YEAR,
            last_run_key="before",
            cursor=cursor,
            log_key=list(log_key),
            last_sensor_start_time=NEW_YEAR,
        )
        if not streamed:
            return value(side.client.external_sensor_execution(args))
        request = pb.ExternalSensorExecutionRequest(
            serialized_external_sensor_execution_args=serialize_value(args)
        )
        events = side.stub.ExternalSensorExecution(request, timeout=TIMEOUT)
        return chunks(events, "serialized_chunk")

    return Call(f"{'' if streamed else 'Sync'}ExternalSensorExecution", make)


def notebook(path: str) -> Call:
    return Call("ExternalNotebookData", lambda side: side.client.external_notebook_data(path))


def start_run(job: str, run_id: str, *, repository: str = REPOSITORY) -> Call:
    """For runs that cannot start; see test_runs.py for those that can."""

    def make(side: Side) -> object:
        args = ExecuteExternalJobArgs(
            job_origin=job_origin(job, repository),
            run_id=run_id,
            instance_ref=side.instance_ref,
        )
        return value(side.client.start_run(args))

    return Call("StartRun", make)


def cancel(run_id: str) -> Call:
    request = CancelExecutionRequest(run_id=run_id)
    return Call("CancelExecution", lambda side: value(side.client.cancel_execution(request)))


def can_cancel(run_id: str) -> Call:
    request = CanCancelExecutionRequest(run_id=run_id)
    return Call("CanCancelExecution", lambda side: value(side.client.can_cancel_execution(request)))


def of_repository(name: str) -> list[Call]:
    """One call of every RPC that names a repository; all but the name is right for repo.py."""
    return [
        repository(repository=name),
        repository_stream(repository=name),
        job("arithmetic", repository=name),
        plan("arithmetic", repository=name),
        subset("arithmetic", ops=["one"], repository=name),
        partition_names("coloured", repository=name),
        partition("ExternalPartitionConfig", "coloured", "red", repository=name),
        partition("ExternalPartitionTags", "coloured", "red", repository=name),
        partition_params("coloured", ["red"], repository=name),
        schedule("never", repository=name),
        schedule("never", streamed=True, repository=name),
        sensor("skips", repository=name),
        sensor("skips", streamed=True, repository=name),
        start_run("arithmetic", "no-such-run", repository=name),
    ]
