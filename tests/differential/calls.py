"""One function per RPC: each takes what is interesting about a call and returns the call.

Calls go through Dagster's own client where it has a method that sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.types import CanCancelExecutionRequest, CancelExecutionRequest

from bench.origins import RemoteJobOrigin, RemoteRepositoryOrigin
from bench.requests import NEW_YEAR, REPOSITORY, Requests, message
from tests.differential.plain import chunks, value
from tests.differential.sides import Side
from tests.support.dagster_names import has_rpc
from tests.support.eventually import PATIENCE

TIMEOUT = PATIENCE


@dataclass(frozen=True)
class Call:
    """An RPC, by its name in the service, and how to make it."""

    rpc: str
    make: Callable[[Side], object]


def origin(repository: str = REPOSITORY) -> RemoteRepositoryOrigin:
    """The same for both servers; neither looks at the address in it."""
    return Requests(repository=repository).origin


def job_origin(job: str, repository: str = REPOSITORY) -> RemoteJobOrigin:
    return Requests(repository=repository).job_origin(job)


def of(side: Side, repository: str = REPOSITORY) -> Requests:
    """Requests that use the instance of a side."""
    return Requests(side.instance_ref, repository)


def raw(rpc: str, **content: Any) -> Call:
    """`rpc` with a message of these fields; returns all fields of the reply."""
    if not has_rpc(rpc):
        return Call(rpc, lambda _: None)  # it is not called
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
    request = Requests(repository=repository).described(deferred=defer_snapshots)

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
        requests = of(side, repository)
        args = requests.plan(job, run_config=run_config, ops=ops, assets=assets, steps=steps)
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
    args = Requests(repository=repository).subset(job, ops=ops, assets=assets, parent=parent)
    return Call(
        "ExternalPipelineSubsetSnapshot",
        lambda side: value(side.client.external_pipeline_subset(args)),
    )


def partition_names(job: str, *, repository: str = REPOSITORY) -> Call:
    args = Requests(repository=repository).partition_names(job)
    return Call(
        "ExternalPartitionNames", lambda side: value(side.client.external_partition_names(args))
    )


def partition(rpc: str, job: str, key: str, *, repository: str = REPOSITORY) -> Call:
    """`rpc` is ExternalPartitionConfig or ExternalPartitionTags."""

    def make(side: Side) -> object:
        args = of(side, repository).partition(job, key)
        if rpc == "ExternalPartitionConfig":
            return value(side.client.external_partition_config(args))
        return value(side.client.external_partition_tags(args))

    return Call(rpc, make)


def partition_params(job: str, keys: Sequence[str], *, repository: str = REPOSITORY) -> Call:
    def make(side: Side) -> object:
        args = of(side, repository).partition_params(job, keys)
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
        args = of(side, repository).schedule(name, at, zone)
        if not streamed:
            return value(side.client.external_schedule_execution(args))
        events = side.stub.ExternalScheduleExecution(message(args), timeout=TIMEOUT)
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
        requests = Requests(side.instance_ref if instance else None, repository)
        args = requests.sensor(name, cursor, last_run_key="before", log_key=log_key)
        if not streamed:
            return value(side.client.external_sensor_execution(args))
        events = side.stub.ExternalSensorExecution(message(args), timeout=TIMEOUT)
        return chunks(events, "serialized_chunk")

    return Call(f"{'' if streamed else 'Sync'}ExternalSensorExecution", make)


def notebook(path: str) -> Call:
    return Call("ExternalNotebookData", lambda side: side.client.external_notebook_data(path))


def start_run(job: str, run_id: str, *, repository: str = REPOSITORY) -> Call:
    """For runs that cannot start; see test_runs.py for those that can."""

    def make(side: Side) -> object:
        return value(side.client.start_run(of(side, repository).run(job, run_id)))

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
