"""The RPCs that user code answers, in evaluators, under the caller's deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.errors import CodeserverError, InvalidRequest, WorkerCrashed
from codeserver.front import dagster_json
from codeserver.front.encoding import chunk_messages, only_string
from codeserver.front.handlers import Context
from codeserver.front.requests import describe
from codeserver.messages import EXPLAIN
from codeserver.supervisor.evaluating.pool import Reply
from codeserver.supervisor.evaluating.request import Bytes, Request
from codeserver.supervisor.loading.failure import NotLoaded
from codeserver.supervisor.loading.snapshot import Snapshot
from codeserver.supervisor.location import Location

MakeError = Callable[[bytes], bytes]
"""Makes the reply that says what went wrong from a serialized `SerializableErrorInfo`."""

_Unary = Callable[["UserCodeRpcs", Any, Context], Awaitable[Any]]
_Stream = Callable[["UserCodeRpcs", Any, Context], AsyncIterator[bytes]]


def _unary(rpc: str, request: type, reply: type, field: str, make_error: MakeError) -> _Unary:
    """An RPC with one serialized argument and one serialized reply.

    Args:
        rpc: its name.
        request: class of the request message, which has one field, the argument.
        reply: class of the reply message.
        field: its field for the answer.
        make_error: makes the answer for a failure that user code could not report itself.
    """

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> Any:
        answer = await self.ask(rpc, _argument(message, request), {}, context, make_error)
        return reply(**{field: answer.body.decode()})

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _stream(rpc: str, request: type, make_error: MakeError) -> _Stream:
    """Like `_unary`, for a reply in chunks."""

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> AsyncIterator[bytes]:
        answer = await self.ask(rpc, _argument(message, request), {}, context, make_error)
        for chunk in chunk_messages(answer.body):
            yield chunk

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _argument(message: bytes, request: Any) -> Bytes:
    """The value of the request's one field.

    A cursor may have many megabytes, and wait. gRPC keeps the bytes of the request meanwhile, so
    no message, no string and no other copy is made of them.
    """
    found = only_string(message)
    if found is not None:
        return found
    try:
        made = request.FromString(message)
    except DecodeError as error:
        raise InvalidRequest(f"The request cannot be read: {error}") from None
    (field,) = request.DESCRIPTOR.fields
    text: str = getattr(made, field.name)
    return text.encode()


_PARTITION = "serialized_external_partition_{}_or_external_partition_execution_error"


class UserCodeRpcs:
    """Base of the service: every RPC that an evaluator answers.

    Args:
        location: the code location that is served.
        default_timeout: seconds for callers that set no deadline.
    """

    def __init__(self, location: Location, default_timeout: float) -> None:
        self._location = location
        self._default_timeout = default_timeout

    async def ask(
        self,
        rpc: str,
        argument: Bytes,
        extra: Mapping[str, Any],
        context: Context,
        make_error: MakeError = bytes,
    ) -> Reply:
        """An evaluator's answer, or the error in the form that this RPC's clients read."""
        try:
            served = self._location.current.served.generation
            snapshot = None if served is None else served.snapshot
            request = self.describe(rpc, argument, extra, context, snapshot)
            return await self._location.evaluate(request)
        except NotLoaded as error:
            return Reply(make_error(not_loaded(error)), is_error=True)
        except WorkerCrashed as error:
            return Reply(make_error(crashed(error)), is_error=True)

    def describe(
        self,
        rpc: str,
        argument: Bytes,
        extra: Mapping[str, Any],
        context: Context,
        snapshot: Snapshot | None,
    ) -> Request:
        """The request as evaluators get it, with the caller's deadline."""
        return describe(
            rpc,
            argument,
            extra,
            deadline=context.time_remaining(),
            default=self._default_timeout,
            snapshot=snapshot,
        )

    async def explain(
        self, argument: str, class_name: str, error: InvalidRequest, context: Context
    ) -> bytes:
        """What Dagster says is wrong with an argument, else what the front says.

        Args:
            argument: what the front could not read.
            class_name: the class that it should be.
            error: why the front could not read it.
            context: of the request.
        """
        try:
            extra = {"class": class_name}
            return (await self.ask(EXPLAIN, argument.encode(), extra, context)).body
        except CodeserverError:
            return dagster_json.error(str(error))

    ExecutionPlanSnapshot = _unary(
        "ExecutionPlanSnapshot",
        pb.ExecutionPlanSnapshotRequest,
        pb.ExecutionPlanSnapshotReply,
        "serialized_execution_plan_snapshot",
        dagster_json.plan_error,
    )
    ExternalPipelineSubsetSnapshot = _unary(
        "ExternalPipelineSubsetSnapshot",
        pb.ExternalPipelineSubsetSnapshotRequest,
        pb.ExternalPipelineSubsetSnapshotReply,
        "serialized_external_pipeline_subset_result",
        dagster_json.subset_error,
    )
    ExternalPartitionNames = _unary(
        "ExternalPartitionNames",
        pb.ExternalPartitionNamesRequest,
        pb.ExternalPartitionNamesReply,
        _PARTITION.format("names"),
        dagster_json.partition_error,
    )
    ExternalPartitionConfig = _unary(
        "ExternalPartitionConfig",
        pb.ExternalPartitionConfigRequest,
        pb.ExternalPartitionConfigReply,
        _PARTITION.format("config"),
        dagster_json.partition_error,
    )
    ExternalPartitionTags = _unary(
        "ExternalPartitionTags",
        pb.ExternalPartitionTagsRequest,
        pb.ExternalPartitionTagsReply,
        _PARTITION.format("tags"),
        dagster_json.partition_error,
    )
    ExternalPartitionSetExecutionParams = _stream(
        "ExternalPartitionSetExecutionParams",
        pb.ExternalPartitionSetExecutionParamsRequest,
        dagster_json.partition_error,
    )
    SyncExternalScheduleExecution = _unary(
        "ExternalScheduleExecution",
        pb.ExternalScheduleExecutionRequest,
        pb.ExternalScheduleExecutionReply,
        "serialized_schedule_result",
        dagster_json.schedule_error,
    )
    ExternalScheduleExecution = _stream(
        "ExternalScheduleExecution",
        pb.ExternalScheduleExecutionRequest,
        dagster_json.schedule_error,
    )
    SyncExternalSensorExecution = _unary(
        "ExternalSensorExecution",
        pb.ExternalSensorExecutionRequest,
        pb.ExternalSensorExecutionReply,
        "serialized_sensor_result",
        dagster_json.sensor_error,
    )
    ExternalSensorExecution = _stream(
        "ExternalSensorExecution", pb.ExternalSensorExecutionRequest, dagster_json.sensor_error
    )

    async def ExternalNotebookData(
        self, request: pb.ExternalNotebookDataRequest, context: Context
    ) -> pb.ExternalNotebookDataReply:
        """Contents of a notebook below the working directory."""
        try:
            path = request.notebook_path.encode()
            answer = await self._location.evaluate(
                self.describe("ExternalNotebookData", path, {}, context, None)
            )
        except NotLoaded as error:
            raise WorkerCrashed(f"The code has not been loaded: {error}") from None
        return pb.ExternalNotebookDataReply(content=answer.body)


def crashed(error: WorkerCrashed) -> bytes:
    """The serialized error for requests whose evaluator ended without a reply."""
    return error.info or dagster_json.error(str(error), "WorkerCrashed")


def not_loaded(error: NotLoaded) -> bytes:
    """The serialized error for requests that need code which failed to load."""
    return dagster_json.error(
        "Could not load definitions since the code server is in an error state: "
        + error.failure.text
    )
