"""The user's metadata of a definition, as `MetadataEntry`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.plain import json_value, jsonable, present

_LONGEST = 4_096
"""Maximum length of a value, in characters; a longer one is cut off."""

_values = dagster.metadata_value


def entries(metadata: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The entries of Dagster's values by label, in the user's order."""
    return [_entry(label, value) for label, value in (metadata or {}).items()]


def _entry(label: str, value: Any) -> dict[str, Any]:
    kind = type(value)
    found = jsonable(_READ.get(kind, _plain)(value))
    entry = {"label": str(label), "type": _TYPES.get(kind) or _type_of(kind)}
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    if len(text) > _LONGEST:
        return {**entry, "value": json_value(text[:_LONGEST]), "is_cut_off": True}
    return {**entry, "value": json_value(found)}


def _type_of(kind: type) -> str:
    """The name of a type, such as `table_schema` for `TableSchemaMetadataValue`."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__.removesuffix("MetadataValue"))
    return words.lower()


def _plain(value: Any) -> Any:
    # Dagster keeps a value of the user unchanged if it has no type for it.
    return value.value if isinstance(value, _values.MetadataValue) else repr(value)


def _schema(schema: Any) -> dict[str, Any]:
    columns = [
        {
            "name": column.name,
            "type": column.type,
            **present(description=column.description),
            **_constraints(column.constraints),
            **present(tags=dict(column.tags or {})),
        }
        for column in schema.columns
    ]
    others = list(schema.constraints.other) if schema.constraints else []
    return {"columns": columns, **present(constraints=others)}


def _constraints(found: Any) -> dict[str, Any]:
    if found is None:
        return {}
    nullable = {} if found.nullable else {"nullable": False}
    return {**nullable, **present(unique=found.unique, constraints=list(found.other))}


def _lineage(value: Any) -> dict[str, Any]:
    return {
        column: [
            {"asset_key": each.asset_key.to_user_string(), "column": each.column_name}
            for each in upstream
        ]
        for column, upstream in value.column_lineage.deps_by_column.items()
    }


def _job(value: Any) -> dict[str, Any]:
    found = {
        "job": value.job_name,
        "location": value.location_name,
        "repository": value.repository_name,
    }
    return {name: each for name, each in found.items() if each is not None}


_READ: dict[type, Callable[[Any], Any]] = {
    _values.DagsterAssetMetadataValue: lambda value: value.asset_key.to_user_string(),
    _values.DagsterJobMetadataValue: _job,
    _values.PythonArtifactMetadataValue: lambda value: f"{value.module}.{value.name}",
    _values.TableColumnLineageMetadataValue: _lineage,
    _values.TableMetadataValue: lambda value: {
        "records": [dict(record.data) for record in value.records],
        "schema": _schema(value.schema),
    },
    _values.TableSchemaMetadataValue: lambda value: _schema(value.schema),
}

_TYPES: dict[type, str] = {
    _values.DagsterAssetMetadataValue: "asset",
    _values.DagsterJobMetadataValue: "job",
    _values.DagsterRunMetadataValue: "dagster_run",
    _values.MarkdownMetadataValue: "md",
}
