"""Messages travel as frames: what goes in comes out, and anything else is recognised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from codeserver import messages, wire
from codeserver.errors import ProtocolError
from codeserver.facts import LoadOrder
from codeserver.messages import JobSnapshot, Prepare, Values
from codeserver.wire import Message

MESSAGES = [
    each
    for name, each in vars(messages).items()
    if isinstance(each, type) and issubclass(each, Message) and each is not Message
    if not name.startswith("_")
]

VALUES = {
    str: 'é€😀\n"\\\0\ud800',
    int: 2**62 + 1,
    float: 0.1,
    bool: True,
    bytes: b"\0\xff",
    Any: [{"a": [1, None]}],
}


def example(hint: Any, has_all: bool) -> Any:
    """A value of this type, which has None wherever that may be, unless it has all."""
    inner = get_args(hint)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        fields = {name: example(each, has_all) for name, each in hints.items()}
        return hint(**fields)  # type: ignore[operator]
    if get_origin(hint) is UnionType:
        return example(inner[0], has_all) if has_all or NoneType not in inner else None
    if get_origin(hint) is Mapping:
        return {example(inner[0], has_all): example(inner[1], has_all)}
    if inner:  # in a sequence, whatever its class
        return [example(each, has_all) for each in inner]
    return VALUES[hint]


def read_back(data: bytes) -> Message:
    """The message that a reader finds who knows only the layout."""
    header_size, body_size = wire.decode_prefix(data[: wire.PREFIX_SIZE])
    rest = data[wire.PREFIX_SIZE :]
    assert len(rest) == header_size + body_size, "the prefix says how long the rest is"
    return wire.decode(rest[:header_size], rest[header_size:])


@pytest.mark.parametrize("has_all", [True, False], ids=["with all", "with None"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_survives(message: type[Message], has_all: bool) -> None:
    sent = example(message, has_all)
    received = read_back(wire.encode(sent))
    assert type(received) is message
    assert received == sent


@pytest.mark.parametrize(
    "message",
    [
        JobSnapshot(b"", "x" * 1_000_000, "a"),
        Values(bytes(range(256)) * 20_000),
        Values(wire.encode(Prepare())),
    ],
    ids=["large header", "large body", "a frame in a frame"],
)
def test_what_a_message_may_carry(message: Message) -> None:
    assert read_back(wire.encode(message)) == message


def test_the_layout_is_fixed() -> None:
    """Both ends may be different releases of Python, so nothing of a frame depends on one."""
    data = wire.encode(JobSnapshot(b"body", "é", "a"))
    header = b'{"kind":"JobSnapshot","repository":"\\u00e9","name":"a"}'
    assert data == bytes([0, 0, 0, len(header), 0, 0, 0, 0, 0, 0, 0, 4]) + header + b"body"
    assert wire.PREFIX_SIZE == 12


ORDER = vars(LoadOrder({}, "python", []))
NO_MESSAGE: dict[str, tuple[dict[str, Any], str]] = {
    "no kind": ({}, "no message is called None"),
    "an unknown kind": ({"kind": "Frame"}, "no message is called 'Frame'"),
    "the base of all kinds": ({"kind": "Message"}, "no message is called 'Message'"),
    "a kind that is no name": ({"kind": ["Exit"]}, "no message is called"),
    "a field too many": ({"kind": "Exit", "pid": 1}, "not a message Exit: .* 'pid'"),
    "a body in the header": ({"kind": "Exit", "body": ""}, "not a message Exit: .* 'body'"),
    "a field too few": ({"kind": "Exited", "pid": 1}, "not a message Exited: .* 'code'"),
    "no facts": ({"kind": "Load", "order": "all"}, "not a message Load"),
    "a fact too many": ({"kind": "Load", "order": {**ORDER, "a": 1}}, "not a message Load: .* 'a'"),
    "a fact too few": ({"kind": "Load", "order": {"target": {}}}, "not a message Load: .* '"),
    "facts in no list": (
        {"kind": "LoadError", "text": "", "brief": "", "imports": "all"},
        "not a message LoadError",
    ),
    "a list of no facts": (
        {"kind": "LoadError", "text": "", "brief": "", "imports": [1]},
        "not a message LoadError",
    ),
}


@pytest.mark.parametrize(("header", "reason"), NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_a_header_of_no_message(header: dict[str, Any], reason: str) -> None:
    with pytest.raises(ProtocolError, match=f"^{reason}"):
        wire.decode(json.dumps(header).encode(), b"")


def test_facts_that_are_nested_too_deeply() -> None:
    """Though not for the reader of JSON."""
    header = b'{"kind":"Load","order":%b1%b}' % (b"[" * 900, b"]" * 900)
    with pytest.raises(ProtocolError):
        wire.decode(header, b"")


def prefix(header_size: int, body_size: int) -> bytes:
    return header_size.to_bytes(4, "big") + body_size.to_bytes(8, "big")


@pytest.mark.parametrize(
    "sizes",
    [(0, 0), (1, 2), (wire.MAX_HEADER, 0), (0, wire.MAX_BODY), (wire.MAX_HEADER, wire.MAX_BODY)],
)
def test_lengths_within_the_limits(sizes: tuple[int, int]) -> None:
    assert wire.decode_prefix(prefix(*sizes)) == sizes


@pytest.mark.parametrize(
    "data",
    [
        prefix(wire.MAX_HEADER + 1, 0),
        prefix(0, wire.MAX_BODY + 1),
        prefix(2**32 - 1, 2**64 - 1),
        b"Traceback (m",
        b"\xff" * 12,
    ],
)
def test_lengths_beyond_the_limits(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"not a frame: header of \d+, body of \d+ bytes"):
        wire.decode_prefix(data)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"not json",
        b'{"kind": "x"} and more',
        b'"kind"',
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe\xfd",
        b'{"kind": "\xff"}',
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda header: repr(header[:20]),
)
def test_a_header_that_is_not_a_json_object(header: bytes) -> None:
    with pytest.raises(ProtocolError, match="frame header is not"):
        wire.decode(header, b"")
