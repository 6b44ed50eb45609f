"""Dagster's requests about one repository, and the protobuf messages that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from dagster import AssetKey
from dagster._core.instance.ref import InstanceRef
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiStub
from dagster._grpc.types import (
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

from bench.origins import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

REPOSITORY = "__repository__"
"""Dagster's name for the only repository of a location."""
NEW_YEAR = 1704085200.0
"""2024-01-01 05:00 UTC."""

_MESSAGES: Mapping[type, Any] = {
    CancelExecutionRequest: pb.CancelExecutionRequest,
    ExecuteExternalJobArgs: pb.StartRunRequest,
    ExecutionPlanSnapshotArgs: pb.ExecutionPlanSnapshotRequest,
    ExternalScheduleExecutionArgs: pb.ExternalScheduleExecutionRequest,
    JobSubsetSnapshotArgs: pb.ExternalPipelineSubsetSnapshotRequest,
    PartitionArgs: pb.ExternalPartitionConfigRequest,
    PartitionNamesArgs: pb.ExternalPartitionNamesRequest,
    PartitionSetExecutionParamArgs: pb.ExternalPartitionSetExecutionParamsRequest,
    SensorExecutionArgs: pb.ExternalSensorExecutionRequest,
}
"""The message for each class of arguments; its only field has the arguments."""


@dataclass(frozen=True)
class Requests:
    """Makes requests about one repository.

    Attributes:
        instance_ref: the instance for ticks and runs.
        repository: name of the repository.
    """

    instance_ref: InstanceRef | None = None
    repository: str = REPOSITORY

    @property
    def origin(self) -> RemoteRepositoryOrigin:
        """The origin of the repository; servers ignore the address in it."""
        location = GrpcServerCodeLocationOrigin(host="localhost", port=4000, location_name="here")
        return RemoteRepositoryOrigin(location, self.repository)

    def job_origin(self, job: str) -> RemoteJobOrigin:
        """The origin of one of the jobs."""
        return RemoteJobOrigin(self.origin, job)

    def described(self, *, deferred: bool) -> pb.ExternalRepositoryRequest:
        """A request for the repository, with whole jobs or with their names only."""
        return pb.ExternalRepositoryRequest(
            serialized_repository_python_origin=serialize_value(self.origin),
            defer_snapshots=deferred,
        )

    def job(self, name: str) -> pb.ExternalJobRequest:
        """A request for the snapshot of a job."""
        origin = serialize_value(self.origin)
        return pb.ExternalJobRequest(serialized_repository_origin=origin, job_name=name)

    def sensor(
        self,
        name: str,
        cursor: str | None = None,
        *,
        timeout: int | None = None,
        last_run_key: str | None = None,
        log_key: Sequence[str] = (),
    ) -> SensorExecutionArgs:
        """A request for a tick of a sensor, as the daemon makes it."""
        return SensorExecutionArgs(
            repository_origin=self.origin,
            instance_ref=self.instance_ref,
            sensor_name=name,
            last_tick_completion_time=NEW_YEAR,
            last_run_key=last_run_key,
            cursor=cursor,
            log_key=list(log_key),
            timeout=timeout,
            last_sensor_start_time=NEW_YEAR,
        )

    def schedule(
        self, name: str, at: float | None = NEW_YEAR, zone: str | None = "UTC"
    ) -> ExternalScheduleExecutionArgs:
        """A request for a tick of a schedule."""
        return ExternalScheduleExecutionArgs(
            repository_origin=self.origin,
            instance_ref=self.instance_ref,
            schedule_name=name,
            scheduled_execution_timestamp=at,
            scheduled_execution_timezone=zone,
        )

    def plan(
        self,
        job: str,
        *,
        snapshot_id: str = "a snapshot",
        run_config: Mapping[str, object] | None = None,
        ops: Sequence[str] | None = None,
        assets: Sequence[str] | None = None,
        steps: Sequence[str] | None = None,
    ) -> ExecutionPlanSnapshotArgs:
        """A request for the execution plan of a job, as the webserver makes it before a run."""
        return ExecutionPlanSnapshotArgs(
            job_origin=self.job_origin(job),
            op_selection=ops or [],
            run_config=run_config or {},
            step_keys_to_execute=steps,
            job_snapshot_id=snapshot_id,
            instance_ref=self.instance_ref,
            asset_selection=_asset_keys(assets),
        )

    def subset(
        self,
        job: str,
        *,
        ops: Sequence[str] | None = None,
        assets: Sequence[str] | None = None,
        parent: bool = True,
    ) -> JobSubsetSnapshotArgs:
        """A request for a job with a subset of its ops or assets."""
        return JobSubsetSnapshotArgs(
            job_origin=self.job_origin(job),
            op_selection=ops,
            asset_selection=_asset_keys(assets),
            include_parent_snapshot=parent,
        )

    def partition_names(self, job: str) -> PartitionNamesArgs:
        """A request for the names of a job's partitions."""
        return PartitionNamesArgs(
            repository_origin=self.origin, partition_set_name=_partition_set(job), job_name=job
        )

    def partition(self, job: str, key: str) -> PartitionArgs:
        """A request for the run config or the tags of a partition."""
        return PartitionArgs(
            repository_origin=self.origin,
            partition_set_name=_partition_set(job),
            partition_name=key,
            instance_ref=self.instance_ref,
        )

    def partition_params(self, job: str, keys: Sequence[str]) -> PartitionSetExecutionParamArgs:
        """A request for the run config and tags of several partitions, as a backfill makes it."""
        return PartitionSetExecutionParamArgs(
            repository_origin=self.origin,
            partition_set_name=_partition_set(job),
            partition_names=keys,
            instance_ref=self.instance_ref,
        )

    def run(self, job: str, run_id: str) -> ExecuteExternalJobArgs:
        """A request to start a run."""
        return ExecuteExternalJobArgs(
            job_origin=self.job_origin(job), run_id=run_id, instance_ref=self.instance_ref
        )


def stub_of(channel: grpc.Channel) -> Any:
    """A stub of Dagster's service over a channel."""
    return DagsterApiStub(channel)  # type: ignore[no-untyped-call]


def message(args: Any) -> Any:
    """The message that carries these arguments."""
    message_type = _MESSAGES[type(args)]
    (field,) = message_type.DESCRIPTOR.fields_by_name
    return message_type(**{field: serialize_value(args)})


def ask(stub: Any, rpc: str, request: Any, seconds: float) -> str:
    """Call a method of Dagster's service; returns the serialized value in the reply, joined."""

    def serialized(reply: Any) -> str:
        values = (str(each) for field, each in reply.ListFields() if "serialized_" in field.name)
        return next(values, "")

    method = pb.DESCRIPTOR.services_by_name["DagsterApi"].methods_by_name[rpc]
    reply = getattr(stub, rpc)(request, timeout=seconds)
    return "".join(map(serialized, reply if method.server_streaming else [reply]))


def _partition_set(job: str) -> str:
    return f"{job}_partition_set"


def _asset_keys(names: Sequence[str] | None) -> set[AssetKey] | None:
    return None if names is None else {AssetKey(name) for name in names}
