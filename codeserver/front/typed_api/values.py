"""What workers say, as JSON, made into arguments for protobuf messages.

Workers know no protobuf. Their JSON has the names of the messages' fields, so that an object of it
can be given to a message's constructor. The exception is `{"$json": [TEXT]}`, which stands for the
`google.protobuf.Value` that the text is the JSON of. No field of a message looks like that,
whatever the user puts into tags and the like.
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.struct_pb2 import Value

from codeserver.letters import clean

_MARK = "$json"
_SURROGATE = b"\\ud"


def read(body: bytes) -> Any:
    """The JSON, with values where they are marked."""
    if _SURROGATE in body:
        # Half a character, which Python may have in a string and protobuf may not.
        body = clean(json.dumps(json.loads(body), ensure_ascii=False)).encode()
    return json.loads(body, object_hook=_value_if_marked)


def _value_if_marked(found: dict[str, Any]) -> Any:
    if found.keys() == {_MARK} and isinstance(found[_MARK], list):
        return to_value(json.loads(found[_MARK][0]))
    return found


def to_value(plain: Any) -> Value:
    """The message for a JSON value."""
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
