"""Values of settings as operators write them: listeners, the file of tokens, and each kind."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from codeserver import values
from codeserver.config import settings
from codeserver.errors import OperatorError
from codeserver.exposure import listener
from codeserver.front.access.tokens import Caller, Tokens
from codeserver.values import Refused

_SETTINGS = settings()

_LISTENERS = (
    "0.0.0.0:4000,tls,role=read",
    "[::1]:0, plain, open",
    ":443,gateway",
    "unix:/run/s.sock,mode=660,tokens",
    "unix:///run/s,role=evaluate",
)
_VALUES = (
    *("90", '"1.5GiB"', '"10m"', "true", "-1", "1e400", "NaN", '"0"', "null", '"auto"'),
    *('["a", "b"]', '{"k8s": {}}', '{"__class__": "InstanceRef"}', '"{}"', '"!*.sql"', '"a:b"'),
)
_TOKENS = "# who\nweb 0123456789abcdef evaluate\nci 0123456789abcdeg # all\n"

SEEDS = [
    *(b"\0" + each.encode() for each in _LISTENERS),
    *(
        bytes((1, number)) + each.encode()
        for number in range(len(_SETTINGS))
        for each in _VALUES[:2]
    ),
    *(bytes((1, 0)) + each.encode() for each in _VALUES),
    *(bytes((2, number)) + each.encode() for number in range(0, 60, 20) for each in _VALUES),
    b"\3" + _TOKENS.encode(),
    *(bytes((2, number)) + b"[" * 2_000 for number in range(len(_SETTINGS))),
]


def check(data: bytes) -> None:
    """It is a value of the setting, or refused in one line of words."""
    kind, rest = data[:1], data[1:]
    if kind == b"\0":
        _check_listener(rest.decode(errors="surrogateescape"))
    elif kind == b"\3":
        _check_tokens(rest)
    elif kind and rest:
        _check_setting(rest[0], rest[1:].decode(errors="replace"), typed=kind == b"\1")


def _check_listener(text: str) -> None:
    try:
        found = listener.parse(text)
    except Refused as why:
        assert len(str(why)) < 600
        return
    words = [
        *([] if found.tls is None else ["tls" if found.tls else "plain"]),
        *([] if found.tokens is None else ["tokens" if found.tokens else "open"]),
        *(["gateway"] if found.is_gateway else []),
        *([] if found.mode is None else [f"mode={found.mode:o}"]),
        f"role={found.role}",
    ]
    # The first two slashes belong to `unix:`.
    address = f"unix://{found.path}" if found.path.startswith("//") else str(found)
    written = ",".join([address, *words])
    assert listener.parse(written) == found, written


def _check_setting(number: int, text: str, *, typed: bool) -> None:
    setting = _SETTINGS[number % len(_SETTINGS)]
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        given = text
    try:
        if typed:
            value = setting.read_typed(given)
        else:
            value = setting.read((text,) if setting.is_list else setting.kind.type(text))
    except (Refused, OperatorError) as why:
        assert len(str(why)) < 2_000
        return
    except ValueError:
        assert not typed  # of the type itself: click refuses it before
        return
    if setting.kind.write is values.write_size and not setting.is_list and value is not None:
        assert setting.read(values.write_size(value)) == value


def _check_tokens(content: bytes) -> None:
    descriptor, path = tempfile.mkstemp(prefix="fuzz-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        tokens = Tokens(path)
    except OperatorError as why:
        assert "\n" not in str(why)
        return
    finally:
        os.unlink(path)
    callers = list(tokens._callers.values())
    assert callers
    assert all(isinstance(each, Caller) and each.name for each in callers)
    assert len({each.name for each in callers}) == len(callers)
