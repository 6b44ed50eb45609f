"""Frames between the front and its worker processes: a small JSON header and a byte body.

Layout of one frame, big-endian: header length (4 bytes), body length (8 bytes), header (UTF-8 JSON
object), body (opaque bytes). The header has the `kind` of the message, which is the name of its
class, and its fields. The body carries Dagster's serialized strings untouched, so that megabytes of
snapshot are never parsed or copied into JSON on the way.

Pure: no I/O, so that the asyncio side and the blocking side share it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache

# By name: user code may put the functions of another library in their place.
from json import dumps, loads
from typing import Any, cast, get_args, get_type_hints

from codeserver.errors import ProtocolError

_PREFIX = struct.Struct("!IQ")

PREFIX_SIZE = _PREFIX.size
"""Size of the start of a frame, in bytes: the lengths of its header and body."""

MAX_HEADER = 16 * 1024 * 1024
"""Maximum length of a header, in bytes. User code can write garbage into a socket."""

MAX_BODY = 4 * 1024 * 1024 * 1024
"""Maximum length of a body, in bytes."""

_CLASSES: dict[str, type[Message]] = {}


@dataclass(frozen=True)
class Message:
    """Base of all messages, which are frozen dataclasses; see `codeserver.messages`."""

    def __init_subclass__(cls) -> None:
        if not cls.__name__.startswith("_"):
            _CLASSES[cls.__name__] = cls


def encode(message: Message) -> bytes:
    """The frame of a message."""
    facts = dict(vars(message))
    body: bytes = facts.pop("body", b"")
    header = {"kind": type(message).__name__, **facts}
    # Nested facts are dataclasses, too; `vars` returns their fields.
    data = dumps(header, separators=(",", ":"), default=vars).encode()
    return b"".join((_PREFIX.pack(len(data), len(body)), data, body))


def decode_prefix(prefix: bytes) -> tuple[int, int]:
    """Lengths of the header and of the body that follow `prefix`.

    Raises:
        ProtocolError: the lengths are beyond the limits, so the bytes are not a frame.
    """
    header_size, body_size = _PREFIX.unpack(prefix)
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise ProtocolError(f"not a frame: header of {header_size}, body of {body_size} bytes")
    return header_size, body_size


def decode(header: bytes, body: bytes) -> Message:
    """The message whose frame has these two parts.

    Raises:
        ProtocolError: they are not a valid message.
    """
    facts = _facts(header)
    kind = facts.pop("kind", None)
    made: Any = _CLASSES.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise ProtocolError(f"no message is called {kind!r}")
    if "body" in made.__dataclass_fields__:
        facts["body"] = body
    try:
        return cast(Message, _made(made, facts))
    except (TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError(f"not a message {kind}: {error}") from None


def _made(made: Any, facts: Any) -> Any:
    """Build an object of a dataclass, or a list of them, from its JSON; None stays None."""
    if facts is None:
        return None
    if isinstance(facts, list):
        return [_made(made, each) for each in facts]
    inner = _inner(made)
    return made(**{n: _made(inner[n], fact) if n in inner else fact for n, fact in facts.items()})


@cache
def _inner(made: Any) -> Mapping[str, Any]:
    """The dataclasses of the fields of a dataclass, by field name."""
    found = (
        (name, next(filter(is_dataclass, (hint, *get_args(hint))), None))
        for name, hint in get_type_hints(made).items()
    )
    return {name: inner for name, inner in found if inner is not None}


def _facts(header: bytes) -> dict[str, Any]:
    try:
        facts = loads(header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"frame header is not JSON: {error}") from None
    if not isinstance(facts, dict):
        raise ProtocolError("frame header is not a JSON object")
    return facts
