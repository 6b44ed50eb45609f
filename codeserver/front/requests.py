"""What the front must know of a request for user code: what it is about, and its time."""

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
    """Where the argument of an RPC says what it is about.

    Attributes:
        what: the argument's class.
        label: of the subject, before its name.
        kind: what the name is a name of, in the location's snapshot; None if of nothing there.
        path: of keys, to the name.
        origin: of keys, to the name of the repository.
        has_timeout: the argument says how long it may take.
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
    """The request as evaluators get it.

    Args:
        rpc: name of the RPC.
        argument: its serialized argument.
        extra: its other fields, by name.
        deadline: seconds until the caller's deadline, None when there is none.
        default: seconds for callers who leave it open.
        snapshot: what the location has; what it does not have cannot run.

    Raises:
        RequestTimeout: the argument leaves no time.
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
        # Without a name it is malformed, and the evaluator says what Dagster says about it.
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
    """Whether the location has this, as far as its snapshot tells."""
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
    """The smaller of the two times that the caller may give, else the operator's."""
    given = [] if deadline is None else [deadline]
    # An integer may be too large for a float, and a float may be no number (which is unequal to
    # itself): comparing works for all.
    if isinstance(field, (int, float)) and not isinstance(field, bool) and field == field:  # noqa: PLR0124
        if field <= 0:
            raise RequestTimeout("The request leaves no time: its timeout is not positive.")
        given.append(field)
    return float(min(LONGEST_TIMEOUT, *(given or [default])))
