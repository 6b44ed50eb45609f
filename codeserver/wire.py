"""Frames between the front and its worker processes: a small JSON header and a byte body.

Layout of one frame, big-endian: header length (4 bytes), body length (8 bytes), header (UTF-8 JSON
object), body (opaque bytes). The body carries Dagster's serialized strings untouched, so that
megabytes of snapshot are never parsed or copied into JSON on the way.

This module is pure: it turns frames into bytes and back and does no I/O, so that the asyncio side
and the blocking side share it.
"""

from __future__ import annotations

import signal
import struct
from dataclasses import dataclass, field

# By name: user code may put the functions of another library in their place.
from json import dumps, loads
from typing import Any

from codeserver.errors import ProtocolError

_PREFIX = struct.Struct("!IQ")

PREFIX_SIZE = _PREFIX.size
"""Bytes at the start of every frame that say how long the rest is."""

MAX_HEADER = 16 * 1024 * 1024
"""Longest header, in bytes: user code can write rubbish into a socket."""

MAX_BODY = 4 * 1024 * 1024 * 1024
"""Longest body, in bytes."""


STACK_SIGNAL: int | None = signal.SIGRTMIN + 9 if hasattr(signal, "SIGRTMIN") else None
"""The signal at which an evaluator prints where it is; None where there are no such signals.

One of those without a name, which user code does not use for itself.
"""


def process_name(role: str) -> str:
    """What a process of this role is called by the kernel, which keeps 15 bytes."""
    return f"codeserver {role}"[:15]


DEPENDENT_NAMES = frozenset(map(process_name, ("evaluator", "snapshots")))
"""Names of processes that die with their parent, and what they have started with them."""


@dataclass(frozen=True)
class Frame:
    """One message.

    Attributes:
        header: JSON-serialisable facts about the message; `kind` says what it is.
        body: the payload, often empty.
    """

    header: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""

    @property
    def kind(self) -> str:
        """What the message is about."""
        return str(self.header.get("kind", ""))


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    header = dumps(frame.header, separators=(",", ":")).encode()
    return b"".join((_PREFIX.pack(len(header), len(frame.body)), header, frame.body))


def decode_prefix(prefix: bytes) -> tuple[int, int]:
    """Lengths of the header and of the body that follow `prefix`.

    Raises:
        ProtocolError: the lengths are beyond the limits, so the bytes are not a frame.
    """
    header_size, body_size = _PREFIX.unpack(prefix)
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise ProtocolError(f"not a frame: header of {header_size}, body of {body_size} bytes")
    return header_size, body_size


def decode(header: bytes, body: bytes) -> Frame:
    """The frame made of these two parts.

    Raises:
        ProtocolError: the header is not a JSON object.
    """
    try:
        facts = loads(header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"frame header is not JSON: {error}") from None
    if not isinstance(facts, dict):
        raise ProtocolError("frame header is not a JSON object")
    return Frame(facts, body)
