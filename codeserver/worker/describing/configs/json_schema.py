"""The run config of a job, as a JSON Schema (draft 2020-12)."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs import secrets
from codeserver.worker.describing.configs.config_types import default_of, description_of
from codeserver.worker.describing.plain import jsonable

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_KIND = dagster.ConfigTypeKind
_SCALAR = dagster.ConfigScalarKind

_SCALARS = {
    _SCALAR.INT: "integer",
    _SCALAR.FLOAT: "number",
    _SCALAR.STRING: "string",
    _SCALAR.BOOL: "boolean",
}

_DEEPEST = 6
"""Maximum number of nested levels of types; see `plain.DEEPEST_VALUE`."""

_SHAPES = (_KIND.STRICT_SHAPE, _KIND.PERMISSIVE_SHAPE, _KIND.SELECTOR)


def describe(root: dagster.ConfigType, title: str) -> dict[str, Any]:
    """The JSON Schema of the whole config."""
    writer = _Writer(secrets.of_run_config(root), root.key)
    schema = writer.body(root.key)
    definitions = {"$defs": writer.definitions} if writer.definitions else {}
    return {"$schema": _DRAFT, "title": title, **schema, **definitions}


class _Writer:
    """Writes the types of a config. Types that are shared or deeply nested become `definitions`."""

    def __init__(self, schema: dagster.ConfigSchemaSnapshot, root: str) -> None:
        self._schema = schema
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._depth = 0
        uses = Counter(
            child
            for found in schema.all_config_snaps_by_key.values()
            for child in found.get_child_type_keys()
        )
        self._shared = {key for key, count in uses.items() if count > 1 and key != root}

    def type(self, key: str) -> dict[str, Any]:
        """The schema of a type, or a reference to its definition."""
        found = self._schema.get_config_snap(key)
        is_large = found.fields or found.kind in (_KIND.ENUM, _KIND.SCALAR_UNION)
        is_deep = found.fields and self._depth >= _DEEPEST
        if not (is_large and (key in self._shared or key in self._names or is_deep)):
            return self.body(key)
        if key not in self._names:
            self._names[key] = name = self._name(found)
            self.definitions[name] = {}  # reserves the place, and ends recursion
            depth, self._depth = self._depth, 0
            self.definitions[name] = self.body(key)
            self._depth = depth
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def body(self, key: str) -> dict[str, Any]:
        """The schema of a type, never a reference."""
        found = self._schema.get_config_snap(key)
        words = "" if found.kind is _KIND.SCALAR else description_of(found)
        made: dict[str, Any] = {"description": words} if words else {}
        self._depth += 1
        if found.kind is _KIND.SCALAR and found.scalar_kind:
            made["type"] = _SCALARS[found.scalar_kind]
        elif found.kind in _SHAPES:
            made |= self._mapping(found)
        elif found.kind is _KIND.ENUM:
            made["enum"] = [each.value for each in found.enum_values or ()]
        elif found.kind is _KIND.ARRAY:
            made |= {"type": "array", "items": self.type(found.inner_type_key)}
        elif found.kind is _KIND.MAP:
            made |= {"type": "object", "additionalProperties": self.type(found.inner_type_key)}
            if self._schema.get_config_snap(found.key_type_key).scalar_kind is _SCALAR.INT:
                made["propertyNames"] = {"pattern": "^-?[0-9]+$"}
        elif found.kind is _KIND.NONEABLE:
            made |= _or_null(self.type(found.inner_type_key))
        elif found.kind is _KIND.SCALAR_UNION:
            keys = (found.scalar_type_key, found.non_scalar_type_key)
            made["anyOf"] = [self.type(key) for key in keys]
        self._depth -= 1
        return made

    def _mapping(self, found: dagster.ConfigTypeSnap) -> dict[str, Any]:
        fields = found.fields or ()
        is_selector = found.kind is _KIND.SELECTOR
        made: dict[str, Any] = {"type": "object"}
        if fields:
            made["properties"] = {
                field.name: self._property(field, is_selector=is_selector) for field in fields
            }
        if found.kind is not _KIND.PERMISSIVE_SHAPE:
            made["additionalProperties"] = False
        if is_selector:
            least = 0 if _takes_nothing(found) else 1
            return {**made, "minProperties": least, "maxProperties": 1}
        required = [field.name for field in fields if field.is_required]
        return {**made, "required": required} if required else made

    def _property(self, field: dagster.ConfigFieldSnap, *, is_selector: bool) -> dict[str, Any]:
        schema = self.type(field.type_key)
        if is_selector and _takes_nothing(self._schema.get_config_snap(field.type_key)):
            schema = _or_null(schema)  # here Dagster accepts null instead of {}
        made = dict(schema)
        if field.description:
            made["description"] = field.description
        for default in default_of(self._schema, field):
            made["default"] = jsonable(default)
        return made

    def _name(self, found: dagster.ConfigTypeSnap) -> str:
        """A unique name, such as `StringSource`, or `Shape2` for a type without a name."""
        name = found.given_name or "".join(map(str.capitalize, found.kind.name.split("_")))
        if found.kind is _KIND.SCALAR_UNION:
            name = f"{self._schema.get_config_snap(found.scalar_type_key).given_name}Source"
        name = "".join(letter for letter in name if letter.isalnum() or letter in "._-")
        names = itertools.chain([name], (f"{name}{number}" for number in itertools.count(2)))
        return next(each for each in names if each not in self.definitions)


def _takes_nothing(found: dagster.ConfigTypeSnap) -> bool:
    """Whether `{}` is valid."""
    fields = found.fields or ()
    if found.kind is _KIND.SELECTOR:
        return len(fields) == 1 and not fields[0].is_required
    return found.kind in _SHAPES and not any(field.is_required for field in fields)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return {}
    if schema.keys() == {"type"} and isinstance(schema["type"], str):
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
