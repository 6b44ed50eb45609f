"""Dagster's complaints about run config, one `RunConfigError` for each mistake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from codeserver.errors import InvalidRequest
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs.config_types import type_name
from codeserver.worker.describing.plain import one_line

_LONGEST_MESSAGE = 500
_MOST_MISTAKES, _MOST_ALLOWED = 50, 50
"""More would not fit into the details of a status."""

_REASON = dagster.DagsterEvaluationErrorReason
_KIND = dagster.ConfigTypeKind

_REASONS = {
    _REASON.RUNTIME_TYPE_MISMATCH: "REASON_TYPE_MISMATCH",
    _REASON.MISSING_REQUIRED_FIELD: "REASON_MISSING_FIELD",
    _REASON.MISSING_REQUIRED_FIELDS: "REASON_MISSING_FIELD",
    _REASON.FIELD_NOT_DEFINED: "REASON_UNDEFINED_FIELD",
    _REASON.FIELDS_NOT_DEFINED: "REASON_UNDEFINED_FIELD",
    _REASON.SELECTOR_FIELD_ERROR: "REASON_SELECTOR",
}


def refusal(job: dagster.JobDefinition, error: dagster.DagsterInvalidConfigError) -> InvalidRequest:
    """The error with all mistakes that Dagster has found in the run config of a job."""
    mistakes = _Mistakes(job)
    found = (detail for each in error.errors for detail in mistakes.of(each))
    details = list(islice(found, _MOST_MISTAKES))
    more = "more than " if next(found, None) is not None else ""
    first = details[0]["message"] if details else one_line(error)
    count = f"{more}{len(details)} mistakes, the first one" if len(details) > 1 else "a mistake"
    return InvalidRequest(f'The run config of job "{job.name}" has {count}: {first}', details)


class _Mistakes:
    """Describes mistakes in the run config of a job."""

    def __init__(self, job: dagster.JobDefinition) -> None:
        config = job.run_config_schema
        # These differ if the job maps its config to that of its ops.
        self._roots = (config.config_type, config.run_config_schema_type)
        self._schema = dagster.ConfigSchemaSnapshot(
            all_config_snaps_by_key={
                key: found
                for root in self._roots
                for key, found in root.schema_snapshot.all_config_snaps_by_key.items()
            }
        )

    def of(self, error: dagster.EvaluationError) -> Iterator[dict[str, Any]]:
        """An entry for each missing or undefined field; one entry for any other error."""
        reason, data = _REASONS.get(error.reason, "REASON_OTHER"), error.error_data
        path, message = _path(error.stack), _message(error)
        if isinstance(data, (dagster.MissingFieldErrorData, dagster.MissingFieldsErrorData)):
            fields = (
                [data.field_snap]
                if isinstance(data, dagster.MissingFieldErrorData)
                else data.field_snaps
            )
            for field in fields:
                text = f'The field "{field.name}" {_place(path)} is missing.'
                # Dagster's message about a single field includes an example.
                text = message if len(fields) == 1 else text
                allowed = [type_name(self._schema, field.type_key)]
                yield _detail([*path, field.name], reason, text, allowed)
        elif isinstance(
            data, (dagster.FieldNotDefinedErrorData, dagster.FieldsNotDefinedErrorData)
        ):
            names = (
                [data.field_name]
                if isinstance(data, dagster.FieldNotDefinedErrorData)
                else data.field_names
            )
            for name in names:
                text = f'There is no field "{name}" {_place(path)}.'
                yield _detail([*path, name], reason, text, self._known(path))
        elif isinstance(data, (dagster.RuntimeMismatchErrorData, dagster.SelectorTypeErrorData)):
            yield _detail(path, reason, message, self._expected(data.config_type_snap))
        else:
            yield _detail(path, reason, message, [])

    def _expected(self, expected: dagster.ConfigTypeSnap) -> Sequence[str]:
        if expected.kind is _KIND.ENUM:
            return [each.value for each in expected.enum_values or ()]
        if expected.kind is _KIND.SELECTOR:
            return _names(expected)
        return [type_name(self._schema, expected.key)]

    def _known(self, path: Sequence[str]) -> list[str]:
        """The names of the fields at this place."""
        for root in self._roots:
            found = self._at(self._schema.get_config_snap(root.key), path)
            if found is not None and found.fields:
                return _names(found)
        return []

    def _at(
        self, found: dagster.ConfigTypeSnap, path: Sequence[str]
    ) -> dagster.ConfigTypeSnap | None:
        if found.kind is _KIND.NONEABLE:
            return self._at(self._schema.get_config_snap(found.inner_type_key), path)
        if found.kind is _KIND.SCALAR_UNION:
            return self._at(self._schema.get_config_snap(found.non_scalar_type_key), path)
        if not path:
            return found
        if found.kind in (_KIND.ARRAY, _KIND.MAP):
            return self._at(self._schema.get_config_snap(found.inner_type_key), path[1:])
        for field in found.fields or ():
            if field.name == path[0]:
                return self._at(self._schema.get_config_snap(field.type_key), path[1:])
        return None


def _detail(
    path: Sequence[str | None], reason: str, message: str, allowed: Sequence[str]
) -> dict[str, Any]:
    return {
        "type": "run_config",
        "path": [name or "" for name in path],
        "reason": reason,
        "message": message,
        "allowed": list(allowed[:_MOST_ALLOWED]),
    }


def _names(found: dagster.ConfigTypeSnap) -> list[str]:
    return [field.name or "" for field in found.fields or ()]


def _path(stack: dagster.EvaluationStackEntry) -> list[str]:
    path = []
    for entry in stack.entries:
        if isinstance(entry, dagster.EvaluationStackPathEntry):
            path.append(entry.field_name)
        elif isinstance(entry, dagster.EvaluationStackListItemEntry):
            path.append(str(entry.list_index))
        else:  # a key of a map, or its value
            path.append(str(getattr(entry, "map_key", "")))
    return path


def _message(error: dagster.EvaluationError) -> str:
    """Dagster's message, without the stack of the exception that caused it."""
    info = error.error_data
    if not isinstance(info, dagster.SerializableErrorInfo):
        return _shown(error.message)
    while info.cause is not None:
        info = info.cause
    return f"The value {_place(_path(error.stack))} is refused: {_shown(info.message)}"


def _shown(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}..."


def _place(path: Sequence[str]) -> str:
    return f"at {'.'.join(path)}" if path else "at the root"
