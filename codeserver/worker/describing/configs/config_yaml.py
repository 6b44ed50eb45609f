"""A run config to start from, as YAML with comments.

A required field has a placeholder. An optional field is commented out and has its default: removing
the `#` from its lines activates it. A comment in words has a space after the `#`.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs import secrets
from codeserver.worker.describing.configs.config_types import (
    default_of,
    description_of,
    takes_nothing,
    type_name,
)
from codeserver.worker.describing.plain import one_line

_WIDTH = 88
_ANYTHING = "..."

_ORDER = {"ops": -3, "inputs": -2, "resources": -1, "loggers": 1, "execution": 2}
"""Order of top-level fields: those that people look for come first."""

_SOURCE = re.compile(r"\((\w+) \| \{ env: String \}\)")
"""The type name of a value that may come from an environment variable."""

_KIND = dagster.ConfigTypeKind
_SHAPES = (_KIND.STRICT_SHAPE, _KIND.PERMISSIVE_SHAPE)
_EMPTY: dict[dagster.ConfigTypeKind, Any] = {_KIND.ARRAY: [], _KIND.MAP: {}, _KIND.NONEABLE: None}
_SCALARS: dict[dagster.ConfigScalarKind | None, Any] = {
    dagster.ConfigScalarKind.INT: 0,
    dagster.ConfigScalarKind.FLOAT: 0.0,
    dagster.ConfigScalarKind.STRING: _ANYTHING,
    dagster.ConfigScalarKind.BOOL: False,
}


def describe(root: dagster.ConfigType, title: str) -> str:
    """The YAML text, with a title in its first line."""
    schema = secrets.of_run_config(root)
    found = schema.get_config_snap(root.key)
    fields = sorted(found.fields or (), key=lambda field: _ORDER.get(field.name or "", 0))
    writer = _Writer(schema)
    head = [f"# {_printable(title)}"]
    if any(_SOURCE.search(type_name(schema, field.type_key, longest=None)) for field in fields):
        head.append("# Write {env: NAME} for a value to take it from an environment variable.")
    parts = [head, *(writer.field(field, {}, "", is_active=False) for field in fields)]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


class _Writer:
    """Writes the fields of a config."""

    def __init__(self, schema: dagster.ConfigSchemaSnapshot) -> None:
        self._schema = schema

    def field(
        self, field: dagster.ConfigFieldSnap, given: dict[str, Any], said: str, *, is_active: bool
    ) -> list[str]:
        """The lines of a field of a mapping with this default and this comment, not indented.

        A field with a default stays active if the mapping is commented out (`is_active`).
        """
        name = field.name or ""
        default = [given[name]] if name in given else default_of(self._schema, field)
        if secrets.is_secret(field):
            default = []
        found = self._schema.get_config_snap(field.type_key)
        if field.name == "config" and takes_nothing(found, is_required=field.is_required):
            return []
        words = self._words(field, found)
        if found.kind in _SHAPES and found.fields:
            values = default[0] if default and isinstance(default[0], dict) else {}
            is_inside_active = is_active or not field.is_required
            inside = [
                line
                for each in found.fields
                for line in self.field(each, values, words, is_active=is_inside_active)
            ]
            if not inside and not field.is_required:
                return []
            has_value = any(not line.lstrip().startswith("#") for line in inside)
            begin = f"{_flow(field.name)}:" if has_value else f"{_flow(field.name)}: {{}}"
            lines = [begin, *(f"  {line}" for line in inside)]
        else:
            has_value = bool(default)
            value = default[0] if default else self.placeholder(field.type_key)
            lines = [f"{_flow(field.name)}: {_flow(value)}"]
        if not field.is_required and not (is_active and (default or has_value)):
            lines = [f"#{line}" for line in lines]
        comment = textwrap.wrap(words, _WIDTH) if words != said else []
        return [*(f"# {line}" for line in comment), *lines]

    def placeholder(self, key: str) -> Any:
        """A valid value of the type."""
        found = self._schema.get_config_snap(key)
        if found.kind is _KIND.SCALAR:
            return _SCALARS.get(found.scalar_kind, _ANYTHING)
        if found.kind is _KIND.SCALAR_UNION:
            return self.placeholder(found.scalar_type_key)
        if found.kind is _KIND.ENUM:
            return found.enum_values[0].value if found.enum_values else _ANYTHING
        if found.kind is _KIND.SELECTOR:
            first = (found.fields or ())[:1]
            return {field.name: self.placeholder(field.type_key) for field in first}
        if found.kind in _SHAPES:
            required = [field for field in found.fields or () if field.is_required]
            return {field.name: self.placeholder(field.type_key) for field in required}
        return _EMPTY.get(found.kind, _ANYTHING)

    def _words(self, field: dagster.ConfigFieldSnap, found: dagster.ConfigTypeSnap) -> str:
        words = _printable(field.description or description_of(found))
        if found.kind not in _SHAPES or not found.fields:
            kind = self._kind(found) + (", required" if field.is_required else "")
            words = f"{words} ({kind})" if words else kind
        return words

    def _kind(self, found: dagster.ConfigTypeSnap) -> str:
        if found.kind is _KIND.ENUM:
            return "one of " + ", ".join(each.value for each in found.enum_values or ())
        if found.kind is _KIND.SELECTOR:
            return "one of " + ", ".join(field.name or "" for field in found.fields or ())
        if found.kind is _KIND.NONEABLE:
            inner = self._kind(self._schema.get_config_snap(found.inner_type_key))
            return f"{inner}, or null" if inner.startswith("one of ") else f"{inner}?"
        if found.kind is _KIND.SCALAR_UNION:
            return type_name(self._schema, found.scalar_type_key)
        return _SOURCE.sub(r"\1", type_name(self._schema, found.key))


def _printable(text: str) -> str:
    """The text in one line, with characters that a YAML comment may contain."""
    return "".join(letter if letter.isprintable() else "?" for letter in one_line(text))


def _flow(value: Any) -> str:
    """The value as one line of YAML."""
    text = dagster.yaml.dump(
        [value],
        Dumper=dagster.DagsterYamlDumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return str(text).strip()[1:-1]
