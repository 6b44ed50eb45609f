"""The RPCs that run in evaluators, under the caller's deadline."""

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
"""Makes an error reply from a serialized `SerializableErrorInfo`."""

_Unary = Callable[["UserCodeRpcs", Any, Context], Awaitable[Any]]
_Stream = Callable[["UserCodeRpcs", Any, Context], AsyncIterator[bytes]]


def _unary(rpc: str, request: type, reply: type, field: str, make_error: MakeError) -> _Unary:
    """The handler of an RPC with one serialized argument and one serialized reply.

    Args:
        rpc: name of the RPC.
        request: class of the request message; its one field is the argument.
        reply: class of the reply message.
        field: field of the reply for the evaluator's answer.
        make_error: makes the answer for a failure that the evaluator could not report.
    """

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> Any:
        answer = await self.ask(rpc, _argument(message, request), {}, context, make_error)
        return reply(**{field: answer.body.decode()})

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _stream(rpc: str, request: type, make_error: MakeError) -> _Stream:
    """The handler of an RPC with one serialized argument and a reply in chunks; see `_unary`."""

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> AsyncIterator[bytes]:
        answer = await self.ask(rpc, _argument(message, request), {}, context, make_error)
        for chunk in chunk_messages(answer.body):
            yield chunk

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _argument(message: bytes, request: Any) -> Bytes:
    """The value of the request's one field, without a copy if possible.

    A request with a cursor of many megabytes may wait in the queue. gRPC keeps its bytes in
    memory for that time, so a second copy would double the use.

    Raises:
        InvalidRequest: the request cannot be decoded.
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
    """Base class of the service, with every RPC that an evaluator answers.

    Args:
        location: the code location that is served.
        default_timeout: seconds for callers without a deadline.
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
        """The evaluator's answer, or an error in the form of this RPC."""
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
        """The request for the evaluators, with the caller's deadline."""
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
        """Dagster's error for an invalid argument, or the front's if Dagster's cannot be had.

        Args:
            argument: the text that the front could not read.
            class_name: the expected class.
            error: the front's error.
            context: the context of the call.
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
        """The contents of a notebook below the working directory."""
        try:
            path = request.notebook_path.encode()
            answer = await self._location.evaluate(
                self.describe("ExternalNotebookData", path, {}, context, None)
            )
        except NotLoaded as error:
            raise WorkerCrashed(f"The code has not been loaded: {error}") from None
        return pb.ExternalNotebookDataReply(content=answer.body)


def crashed(error: WorkerCrashed) -> bytes:
    """The serialized error for a request whose evaluator ended without a reply."""
    return error.info or dagster_json.error(str(error), "WorkerCrashed")


def not_loaded(error: NotLoaded) -> bytes:
    """The serialized error for a request that needs code which failed to load."""
    return dagster_json.error(
        "Could not load definitions since the code server is in an error state: "
        + error.failure.text
    )
