"""Requests as no client sends them, for each RPC, made from its descriptor and from good ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_WORDS = (
    *("short", "coloured", "fruit", "juice", "quick", "daily", "red", "first", "defs"),
    *("__repository__", "__ASSET_JOB", "nope", "", "\0", "a\0b", "ü€𝄞", "\u202e", "\ufffe"),
    *("../../etc/passwd", "/dev/zero", "*", "+fruit", "key:fruit and (", "A" * 300_000, "\n" * 9),
    *("null", "NaN", "{}", "[[", "%s%n", "unix:", "short.first", "'; --", "\x1b[31m", "😀" * 3_000),
)
_NUMBERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**63, 10**400, 0.5, -0.0, 1e308, math.nan, math.inf)
_BY_TYPE: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}

_NAMES: Mapping[str, Sequence[str]] = {
    "location": ("", ""),
    "repository": ("", "__repository__"),
    "job": ("short", "coloured", "__ASSET_JOB"),
    "name": ("short", "coloured", "__ASSET_JOB"),
    "job_name": ("short", "coloured", "__ASSET_JOB"),
    "asset": ("fruit", "juice"),
    "partition_key": ("red", "green"),
    "op_selection": ("first", "first+", "*"),
    "asset_selection": ("fruit", "juice"),
    "selection": ("fruit+", "key:juice", 'group:"default" and not kind:x'),
    "notebook_path": ("a.ipynb", "../a.ipynb"),
}
"""Good texts of fields, by their names."""

texts = st.sampled_from(_WORDS) | st.text(max_size=20)
_surrogates = st.sampled_from(["\ud800", "a\udfff", "\udc80" * 3])
_classes = st.sampled_from(
    [
        *("RemoteRepositoryOrigin", "SerializableErrorInfo", "AssetKey", "DagsterRunStatus", ""),
        *("__set__", "__frozenset__", "__enum__", "__path__", "__mapping_items__", "__class__"),
    ]
)
_scalars = (
    st.none() | st.booleans() | st.sampled_from(_NUMBERS) | texts | _surrogates | st.integers()
)
_keys = st.sampled_from(["__class__", "__set__", "__enum__", "__mapping_items__", "a", ""]) | texts


@st.composite
def _nested(draw: st.DrawFn) -> Any:
    value: Any = draw(_scalars)
    is_list = draw(st.booleans())
    for _ in range(draw(st.sampled_from([2, 50, 300, 500]))):
        value = [value] if is_list else {"a": value}
    return value


_values = (
    _scalars
    | _nested()
    | st.lists(_scalars, max_size=3)
    | st.dictionaries(_keys, _scalars | _classes, max_size=3)
)


@st.composite
def serialized(draw: st.DrawFn, good: Sequence[str]) -> str:
    """Text that is nearly one of these serialized values, quite another value, or no JSON."""
    start = draw(st.sampled_from(["changed"] * 5 + ["value", "deep", "text"]))
    if start == "text":
        return draw(texts)
    if start == "value":
        return json.dumps(draw(_values))
    if start == "deep":
        depth = draw(st.sampled_from([900, 3_000, 100_000]))
        return draw(st.sampled_from(good))[:-1] + _deep(depth)
    value = json.loads(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(0, 3))):
        _change(draw, value)
    text = json.dumps(value)
    if draw(st.integers(0, 7)) == 0:
        at = draw(st.integers(0, len(text)))
        return text[:at] + draw(texts) + text[at + draw(st.integers(0, 9)) :]
    return text


def _deep(depth: int) -> str:
    """The end of an object whose last field is so deep."""
    return f', "z": {"[" * depth}{"]" * depth}}}'


def _change(draw: st.DrawFn, value: Any) -> None:
    """Change a value somewhere within, at a place to which a random path leads."""
    while True:
        keys: Any = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        inner = value[key]
        if isinstance(inner, (dict, list)) and inner and draw(st.integers(0, 3)):
            value = inner
            continue
        how = draw(st.integers(0, 5))
        if how == 0:
            del value[key]
        elif how == 1 and isinstance(value, dict):
            value[draw(_keys)] = draw(_values)
        elif key == "__class__":
            value[key] = draw(_classes | _values)
        elif isinstance(inner, str) and how == 2:
            value[key] = inner + draw(texts | _surrogates)
        else:
            value[key] = draw(_values)
        return


_LONG = 1_000


def messages(kind: Any, good: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Any]:
    """Messages of a class with any of its fields, nested ones included.

    Args:
        kind: the class.
        good: serialized values by the name of the field that takes them.
    """
    fields = {each.name: _field(each, good) for each in kind.DESCRIPTOR.fields}

    def build(chosen: Mapping[str, Any]) -> Any:
        message = kind()
        for name, value in chosen.items():
            if isinstance(value, list):
                getattr(message, name).extend(value)
            elif hasattr(value, "DESCRIPTOR"):
                getattr(message, name).CopyFrom(value)
            else:
                setattr(message, name, value)
        return message

    needed = {name: field for name, field in fields.items() if name in good}
    others = {name: field for name, field in fields.items() if name not in good}
    return st.fixed_dictionaries(needed, optional=others).map(build)


def _field(field: Any, good: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Any]:
    one = _one(field, good)
    if isinstance(field.default_value, list):  # is repeated; newer protobuf deprecates `label`
        many = one.filter(lambda found: len(str(found)) < _LONG).map(lambda found: [found] * 500)
        return st.lists(one, max_size=5) | many
    return one


def _one(field: Any, good: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(GetMessageClass(field.message_type), good)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _string(field, good)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return st.sampled_from([0, 1, 2, 99, -1])
    least, most = _BY_TYPE[field.cpp_type]
    return st.sampled_from([0, 1, 2, 1_000, least, most]) | st.integers(least, most)


def _string(field: Any, good: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=50)
    if field.name in good:
        return serialized(good[field.name])
    named = st.sampled_from(_NAMES.get(field.name, _WORDS))
    return st.integers(0, 3).flatmap(lambda number: named if number else texts)
