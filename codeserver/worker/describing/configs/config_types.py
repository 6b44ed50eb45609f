"""Config types, as trees of `ConfigType`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs import secrets
from codeserver.worker.describing.plain import json_value, one_line, present

_KIND = dagster.ConfigTypeKind

_RENAMED = {
    _KIND.STRICT_SHAPE: "SHAPE",
    _KIND.NONEABLE: "NULLABLE",
    _KIND.SCALAR_UNION: "UNION",
}
"""Kinds that have other names in the API."""

_WITH_INNER = (_KIND.ARRAY, _KIND.MAP, _KIND.NONEABLE)
_LONGEST_NAME = 200
_NAMED = (_KIND.SCALAR, _KIND.ENUM, _KIND.MAP)


def of_definition(definition: Any) -> dict[str, Any] | None:
    """The config type of an op, graph or resource; None if it takes no config.

    Dagster gives a definition without a schema an optional `Any`, and ignores its value.
    """
    if not definition.has_config_field:
        return None
    field = definition.config_field
    schema, key = secrets.of_definition(definition), field.config_type.key
    if takes_nothing(schema.get_config_snap(key), is_required=field.is_required):
        return None
    return {**present(description=field.description), **tree(schema, key)}


def takes_nothing(found: dagster.ConfigTypeSnap, *, is_required: bool) -> bool:
    """Whether this is the config field of a definition without a schema."""
    is_empty = found.kind is _KIND.STRICT_SHAPE and not found.fields
    return is_empty or (found.kind is _KIND.ANY and not is_required)


def tree(schema: dagster.ConfigSchemaSnapshot, key: str) -> dict[str, Any]:
    """The type with this key, with all types in it."""
    return _Trees(schema).tree(key)


def shape(
    schema: dagster.ConfigSchemaSnapshot, fields: Iterable[dagster.ConfigFieldSnap], kind: str
) -> dict[str, Any]:
    """The type of a mapping of this kind, with these fields."""
    return {"kind": kind, "fields": [_Trees(schema).field(each) for each in fields]}


def kind_of(found: dagster.ConfigTypeSnap) -> str:
    """Name of the kind of this type."""
    return f"KIND_{_RENAMED.get(found.kind, found.kind.name)}"


def description_of(found: dagster.ConfigTypeSnap) -> str:
    """The user's description of the type. Dagster's own description of lists is left out."""
    return "" if found.kind is _KIND.ARRAY else found.description or ""


def type_name(
    schema: dagster.ConfigSchemaSnapshot, key: str, *, longest: int | None = _LONGEST_NAME
) -> str:
    """The readable name of a type, such as `Int`, `[String]` or `{ path: String }`."""
    if not schema.has_config_snap(key):
        return key
    text = one_line(
        dagster.print_config_type_key_to_string(schema, key, with_lines=False)  # type: ignore[no-untyped-call]
    )
    return text if longest is None or len(text) <= longest else f"{text[:longest]}..."


def default_of(schema: dagster.ConfigSchemaSnapshot, field: dagster.ConfigFieldSnap) -> list[Any]:
    """A list with the default of a field; empty if there is none.

    Secrets are removed, as in Dagster's UI.
    """
    if field.default_value_as_json_str is None or secrets.is_secret(field):
        return []
    default = json.loads(field.default_value_as_json_str)
    return [without_secrets(schema, field.type_key, default)]


def without_secrets(schema: dagster.ConfigSchemaSnapshot, key: str, value: Any) -> Any:
    """The config without fields that are secret. It need not be valid."""
    found = schema.get_config_snap(key)
    if isinstance(value, dict) and found.fields:
        fields = {field.name: field for field in found.fields}
        return {
            name: without_secrets(schema, fields[name].type_key, each) if name in fields else each
            for name, each in value.items()
            if name not in fields or not secrets.is_secret(fields[name])
        }
    if found.kind is _KIND.NONEABLE:
        return without_secrets(schema, found.inner_type_key, value)
    if found.kind is _KIND.ARRAY and isinstance(value, list):
        return [without_secrets(schema, found.inner_type_key, each) for each in value]
    if found.kind is _KIND.MAP and isinstance(value, dict):
        inner = found.inner_type_key
        return {name: without_secrets(schema, inner, each) for name, each in value.items()}
    if found.kind is _KIND.SCALAR_UNION and isinstance(value, (dict, list)):
        return without_secrets(schema, found.non_scalar_type_key, value)
    return value


class _Trees:
    """Builds trees of the types in one schema, each type once."""

    def __init__(self, schema: dagster.ConfigSchemaSnapshot) -> None:
        self._schema = schema
        self._made: dict[str, dict[str, Any]] = {}

    def tree(self, key: str) -> dict[str, Any]:
        if key in self._made:
            return self._made[key]
        # A placeholder ends the recursion of a type that contains itself.
        self._made[key] = {"kind": "KIND_ANY"}
        self._made[key] = made = self._make(self._schema.get_config_snap(key))
        return made

    def field(self, field: dagster.ConfigFieldSnap) -> dict[str, Any]:
        made = {
            **present(
                name=field.name, description=field.description, is_required=field.is_required
            ),
            "type": self.tree(field.type_key),
        }
        for default in default_of(self._schema, field):
            made["default_value"] = json_value(default)
        return made

    def _make(self, found: dagster.ConfigTypeSnap) -> dict[str, Any]:
        made = {
            "kind": kind_of(found),
            **present(
                name=found.given_name if found.kind in _NAMED else None,
                description=description_of(found),
                enum_values=[each.value for each in found.enum_values or ()],
                fields=[self.field(each) for each in found.fields or ()],
            ),
        }
        if found.kind in _WITH_INNER:
            made["inner"] = self.tree(found.inner_type_key)
        if found.kind is _KIND.SCALAR_UNION:
            keys = (found.scalar_type_key, found.non_scalar_type_key)
            made["alternatives"] = [self.tree(key) for key in keys]
        return made
