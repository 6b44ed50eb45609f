"""Conversion of the workers' JSON to arguments for protobuf messages.

Workers do not use protobuf. Their JSON has the field names of the messages, so that an object can
be passed to a message's constructor. The exception is `{"$json": [TEXT]}`, which stands for a
`google.protobuf.Value` with the content of the JSON text. No field of a message has this form,
whatever the user's tags and metadata hold.
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.struct_pb2 import Value

from codeserver.letters import clean

_MARK = "$json"
_SURROGATE = b"\\ud"


def read(body: bytes) -> Any:
    """The parsed JSON, with a `Value` in place of each `$json` object."""
    if _SURROGATE in body:
        # A lone surrogate, which is valid in a Python string but not in protobuf.
        body = clean(json.dumps(json.loads(body), ensure_ascii=False)).encode()
    return json.loads(body, object_hook=_value_if_marked)


def _value_if_marked(found: dict[str, Any]) -> Any:
    if found.keys() == {_MARK} and isinstance(found[_MARK], list):
        return to_value(json.loads(found[_MARK][0]))
    return found


def to_value(plain: Any) -> Value:
    """The `Value` message for a JSON value."""
    value = Value()
    if plain is None:
        value.null_value = 0  # type: ignore[assignment]
    elif isinstance(plain, bool):
        value.bool_value = plain
    elif isinstance(plain, (int, float)):
        value.number_value = plain
    elif isinstance(plain, str):
        value.string_value = plain
    elif isinstance(plain, dict):
        value.struct_value.SetInParent()
        for name, each in plain.items():
            value.struct_value.fields[name].CopyFrom(to_value(each))
    else:
        value.list_value.SetInParent()
        value.list_value.values.extend(map(to_value, plain))
    return value
