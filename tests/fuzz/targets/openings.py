"""The first bytes of connections to a port that passes them on: HTTP/2 or TLS."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from typing import Any

from codeserver.front.passing import opening
from codeserver.front.passing.authority import host_of
from codeserver.front.passing.frames import AckFilter
from codeserver.front.passing.opening import MOST_BYTES, Opening, SecureOpening
from tests.fuzz.targets import pieces
from tests.unit.test_opening import ACCEPTED, REFUSED

_BUFFER = 128 * 1024
"""The most that comes at once."""


def _hello(name: str | None) -> bytes:
    sent = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def _split(hello: bytes) -> bytes:
    """The same in records of 50 bytes."""
    message = hello[5:]
    parts = [message[at : at + 50] for at in range(0, len(message), 50)]
    return b"".join(hello[:3] + len(part).to_bytes(2, "big") + part for part in parts)


_HELLO = _hello("code.example")
SEEDS = [
    *(b"\0" + sent for sent, *_ in ACCEPTED.values()),
    *(b"\0" + sent for sent, *_ in REFUSED.values()),
    b"\1" + _HELLO,
    b"\1" + _hello(None),
    b"\1" + _split(_HELLO),
    b"\2" + b"".join(sent for sent, *_ in ACCEPTED.values()),
]


def check(data: bytes) -> None:
    """However it is cut, it means the same; a client that never comes to the point is refused."""
    if len(data) < 2:
        return
    kind, sent = data[0], data[1:]
    if kind % 3 == 2:
        _check_filter(sent, kind)
        return
    make: Any = SecureOpening if kind % 3 else Opening
    whole = _fed(make(), [sent])
    assert whole == _fed(make(), pieces(sent, kind))
    if whole is None:
        _check_end(make(), sent)
    if kind % 3 == 0:
        host = host_of(sent)
        assert host == host_of(host.encode()) or ":" in host
        assert host == host.lower()


def _fed(reader: Any, parts: Iterable[bytes]) -> Any:
    """All that is known in the end; None if the reader wants more."""
    rest = iter(parts)
    try:
        for part in rest:
            if reader.feed(memoryview(part)):
                break
        else:
            return None
    except opening.Refused as refusal:
        return str(refusal), refusal.code
    except opening.OtherProtocol:
        return "another protocol"  # its name may take more bytes
    assert isinstance(reader.host, str)
    replay, behind = bytes(reader.replay), reader.rest + b"".join(rest)
    if isinstance(reader, SecureOpening):
        return reader.host, replay + behind
    answers = bytes(reader.answers)
    return reader.host, replay, behind, answers, reader.given_acks, reader.awaited_acks


def _check_end(reader: Any, sent: bytes) -> None:
    """The beginning is followed by more of the same, until it is enough."""
    received = 0
    part = sent
    while received < MOST_BYTES + _BUFFER:
        received += len(part)
        try:
            if reader.feed(part):
                return
        except (opening.Refused, opening.OtherProtocol):
            return
        held = len(reader.replay) + len(reader.rest) + len(reader.answers)
        assert held <= 3 * received
        part = sent[-9:] * (1 + 8_000 // len(sent[-9:]))
    raise AssertionError(f"{received} bytes were taken, and no request")


def _check_filter(sent: bytes, count: int) -> None:
    def passed(parts: Iterable[bytes]) -> bytes:
        ack_filter = AckFilter(count)
        return b"".join(map(ack_filter.feed, parts)) + ack_filter.end()

    assert passed([sent]) == passed(pieces(sent, count))
    assert passed([sent]) in (sent, passed([sent]))
    assert (len(sent) - len(passed([sent]))) % 9 == 0
