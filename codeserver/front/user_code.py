"""The RPCs that run in evaluators: their requests, with subject and deadline, and their replies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.errors import CodeserverError, InvalidRequest, RequestTimeout, WorkerCrashed
from codeserver.front import dagster_json
from codeserver.front.encoding import chunk_messages, only_string
from codeserver.front.handlers import Context, decoded
from codeserver.letters import shown
from codeserver.messages import EXPLAIN
from codeserver.supervisor.evaluating.pool import Reply
from codeserver.supervisor.evaluating.request import LONGEST_TIMEOUT, Bytes, Deadline, Request
from codeserver.supervisor.loading.failure import NotLoaded
from codeserver.supervisor.loading.snapshot import Snapshot
from codeserver.supervisor.location import Location

MakeError = Callable[[bytes], bytes]
"""Makes an error reply from a serialized `SerializableErrorInfo`."""

_Unary = Callable[["UserCodeRpcs", Any, Context], Awaitable[Any]]
_Stream = Callable[["UserCodeRpcs", Any, Context], AsyncIterator[bytes]]


def _unary(rpc: str, make_error: MakeError) -> _Unary:
    """The handler of an RPC with one serialized argument and one serialized reply.

    The messages of the request and of the reply are named like the RPC and have one field each.

    Args:
        rpc: name of the RPC, without `Sync`.
        make_error: makes the answer for a failure that the evaluator could not report.
    """
    reply = getattr(pb, f"{rpc}Reply")
    (field,) = reply.DESCRIPTOR.fields

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> Any:
        answer = await self.ask(rpc, _argument(rpc, message), {}, context, make_error)
        return reply(**{field.name: answer.body.decode()})

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _stream(rpc: str, make_error: MakeError) -> _Stream:
    """The handler of an RPC with one serialized argument and a reply in chunks; see `_unary`."""

    async def handle(self: UserCodeRpcs, message: bytes, context: Context) -> AsyncIterator[bytes]:
        answer = await self.ask(rpc, _argument(rpc, message), {}, context, make_error)
        for chunk in chunk_messages(answer.body):
            yield chunk

    handle.takes_bytes = True  # type: ignore[attr-defined]
    return handle


def _argument(rpc: str, message: bytes) -> Bytes:
    """The value of the request's one field, without a copy if possible.

    A request with a cursor of many megabytes may wait in the queue. gRPC keeps its bytes in
    memory for that time, so a second copy would double the use.

    Raises:
        InvalidRequest: the request cannot be decoded.
    """
    found = only_string(message)
    if found is not None:
        return found
    request = getattr(pb, f"{rpc}Request")
    (field,) = request.DESCRIPTOR.fields
    text: str = getattr(decoded(request, message), field.name)
    return text.encode()


class UserCodeRpcs:
    """Base class of the service, with every RPC that an evaluator answers.

    Args:
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
            return await self._evaluate(rpc, argument, extra, context)
        except NotLoaded as error:
            return Reply(make_error(not_loaded(error)), is_error=True)
        except WorkerCrashed as error:
            return Reply(make_error(crashed(error)), is_error=True)

    async def _evaluate(
        self, rpc: str, argument: Bytes, extra: Mapping[str, Any], context: Context
    ) -> Reply:
        served = self._location.current.served.generation
        request = describe(
            rpc,
            argument,
            extra,
            deadline=context.time_remaining(),
            default=self._default_timeout,
            snapshot=None if served is None else served.snapshot,
        )
        return await self._location.evaluate(request)

    async def explain(
        self, argument: str, class_name: str, error: InvalidRequest, context: Context
    ) -> bytes:
        """Dagster's error for an invalid argument, or the front's if Dagster's cannot be had."""
        try:
            extra = {"class": class_name}
            return (await self.ask(EXPLAIN, argument.encode(), extra, context)).body
        except CodeserverError:
            return dagster_json.error(str(error))

    ExecutionPlanSnapshot = _unary("ExecutionPlanSnapshot", dagster_json.plan_error)
    ExternalPipelineSubsetSnapshot = _unary(
        "ExternalPipelineSubsetSnapshot", dagster_json.subset_error
    )
    ExternalPartitionNames = _unary("ExternalPartitionNames", dagster_json.partition_error)
    ExternalPartitionConfig = _unary("ExternalPartitionConfig", dagster_json.partition_error)
    ExternalPartitionTags = _unary("ExternalPartitionTags", dagster_json.partition_error)
    ExternalPartitionSetExecutionParams = _stream(
        "ExternalPartitionSetExecutionParams", dagster_json.partition_error
    )
    SyncExternalScheduleExecution = _unary("ExternalScheduleExecution", dagster_json.schedule_error)
    ExternalScheduleExecution = _stream("ExternalScheduleExecution", dagster_json.schedule_error)
    SyncExternalSensorExecution = _unary("ExternalSensorExecution", dagster_json.sensor_error)
    ExternalSensorExecution = _stream("ExternalSensorExecution", dagster_json.sensor_error)

    async def ExternalNotebookData(
        self, request: pb.ExternalNotebookDataRequest, context: Context
    ) -> pb.ExternalNotebookDataReply:
        """The contents of a notebook below the working directory."""
        path = request.notebook_path.encode()
        try:
            answer = await self._evaluate("ExternalNotebookData", path, {}, context)
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


@dataclass(frozen=True)
class _Form:
    """The place of the subject in the argument of an RPC.

    Attributes:
        what: the argument's class.
        label: the words before the subject's name.
        kind: the kind of definition in the location's snapshot; None if the snapshot has no names
            of this kind.
        path: the keys that lead to the name.
        origin: the keys that lead to the name of the repository.
        has_timeout: the argument has a timeout.
    """

    what: str
    label: str
    kind: str | None
    path: tuple[str, ...]
    origin: tuple[str, ...] = ("repository_origin", "repository_name")
    has_timeout: bool = False


_JOB_ORIGIN = ("pipeline_origin", "external_repository_origin", "repository_name")
_JOB = ("pipeline_origin", "pipeline_name")

_FORMS = {
    "ExternalSensorExecution": _Form(
        "SensorExecutionArgs", "sensor", "sensor", ("sensor_name",), has_timeout=True
    ),
    "ExternalScheduleExecution": _Form(
        *("ExternalScheduleExecutionArgs", "schedule", "schedule", ("schedule_name",)),
        has_timeout=True,
    ),
    "ExecutionPlanSnapshot": _Form(
        "ExecutionPlanSnapshotArgs", "plan of job", "job", _JOB, _JOB_ORIGIN
    ),
    "ExternalPipelineSubsetSnapshot": _Form(
        "PipelineSubsetSnapshotArgs", "subset of job", "job", _JOB, _JOB_ORIGIN
    ),
    **{
        f"ExternalPartition{suffix}": _Form(what, "partition set", None, ("partition_set_name",))
        for suffix, what in (
            ("Names", "PartitionNamesArgs"),
            ("Config", "PartitionArgs"),
            ("Tags", "PartitionArgs"),
            ("SetExecutionParams", "PartitionSetExecutionParamArgs"),
        )
    },
}

_WITHOUT_USER_CODE = frozenset({EXPLAIN, "ExternalRepository", "ExternalJob"})


def describe(
    rpc: str,
    argument: Bytes,
    extra: Mapping[str, Any],
    *,
    deadline: float | None,
    default: float,
    snapshot: Snapshot | None,
) -> Request:
    """The request for the evaluators.

    Args:
        rpc: name of the RPC.
        argument: its serialized argument.
        extra: its other fields, by name.
        deadline: seconds until the caller's deadline; None if it has none.
        default: seconds for callers that set neither deadline nor timeout.
        snapshot: the location's definitions; a request for a missing one runs no user code.

    Raises:
        RequestTimeout: the timeout in the argument is not positive.
    """
    form = _FORMS.get(rpc)
    if form is None:
        until = Deadline.after(_bounded(deadline, None, default))
        calls_none = rpc in _WITHOUT_USER_CODE and not (snapshot and snapshot.is_dynamic)
        return Request(rpc, argument, until, rpc, extra, not calls_none)
    fields = _fields(argument, form)
    name = _at(fields, form.path)
    return Request(
        rpc,
        argument,
        Deadline.after(_bounded(deadline, fields.get("timeout"), default)),
        f"{form.label} {shown(name)}" if name else rpc,
        extra,
        # A request without a name is malformed; the evaluator replies with Dagster's error.
        runs_user_code=bool(name) and _has(snapshot, _at(fields, form.origin), form.kind, name),
    )


def _fields(argument: Bytes, form: _Form) -> Mapping[str, Any]:
    names = {form.path[0], form.origin[0], *(["timeout"] if form.has_timeout else [])}
    if len(argument) > dagster_json.LONGEST_ARGUMENT:
        return dagster_json.short_fields(argument, names)
    try:
        fields = dagster_json.read(str(argument, "utf-8"), form.what)
    except (InvalidRequest, UnicodeDecodeError):
        return {}
    return {name: fields.get(name) for name in names}


def _has(
    snapshot: Snapshot | None, repository: str | None, kind: str | None, name: str | None
) -> bool:
    """Whether the location may have this definition; true if the snapshot cannot tell."""
    if snapshot is None or kind is None:
        return True
    found = snapshot.repositories.get(repository or "")
    return found is not None and (found.is_dynamic or name in found.names[kind])


def _at(fields: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    value: Any = fields
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _bounded(deadline: float | None, field: object, default: float) -> float:
    """Seconds for the request: the smaller of the caller's two limits, else the default.

    Raises:
        RequestTimeout: the limit in the field is not positive.
    """
    given = [] if deadline is None else [deadline]
    # An integer may be too large for a float, and a float may be NaN, which is unequal to itself.
    # Comparisons work for all of them.
    if isinstance(field, (int, float)) and not isinstance(field, bool) and field == field:  # noqa: PLR0124
        if field <= 0:
            raise RequestTimeout("The request leaves no time: its timeout is not positive.")
        given.append(field)
    return float(min(LONGEST_TIMEOUT, *(given or [default])))
