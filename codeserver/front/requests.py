"""The subject and the deadline of a request for user code, read from its argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeserver.errors import InvalidRequest, RequestTimeout
from codeserver.front import dagster_json
from codeserver.letters import shown
from codeserver.messages import EXPLAIN
from codeserver.supervisor.evaluating.request import LONGEST_TIMEOUT, Bytes, Deadline, Request
from codeserver.supervisor.loading.snapshot import Snapshot


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
