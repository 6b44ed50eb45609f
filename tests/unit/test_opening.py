"""The first frames of a client: which server they name, and what the two sides are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codeserver.front.passing.authority import host_of
from codeserver.front.passing.frames import AckFilter
from codeserver.front.passing.opening import (
    MOST_BYTES,
    Opening,
    OtherProtocol,
    Refused,
    SecureOpening,
)
from tests.unit.http2_frames import (
    ACK,
    CLIENT_SETTINGS,
    CONTINUATION,
    DATA,
    EMPTY,
    GREETING,
    HEADERS_TYPE,
    PING,
    PING_ACK,
    PING_FRAME,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    UNKNOWN,
    WINDOW,
    block,
    frame,
    request,
)

BLOCK = block()
REQUEST = request(BLOCK)
PADDED = request(b"\3" + BLOCK + b"\0\0\0", flags=0x4 | 0x8)
PRIORITIZED = request(b"\0\0\0\0\x10" + BLOCK, flags=0x4 | 0x20)
BOTH = request(b"\2\0\0\0\0\x10" + BLOCK + b"\0\0", flags=0x4 | 0x8 | 0x20)
CONTINUED = (
    request(BLOCK[:3], flags=0)
    + frame(CONTINUATION, BLOCK[3:9], stream=1)
    + frame(CONTINUATION, b"", stream=1)
    + frame(CONTINUATION, BLOCK[9:], flags=0x4, stream=1)
)
TAIL = frame(DATA, b"body", flags=1, stream=1)

ACCEPTED = {
    "gRPC": (GREETING + WINDOW + ACK + REQUEST, GREETING + WINDOW + REQUEST, b""),
    "no acknowledgement yet": (GREETING + REQUEST, GREETING + REQUEST, b""),
    "empty settings": (PREFACE + EMPTY + ACK + REQUEST, PREFACE + EMPTY + REQUEST, b""),
    "padding": (GREETING + ACK + PADDED, GREETING + PADDED, b""),
    "priority": (GREETING + ACK + PRIORITIZED, GREETING + PRIORITIZED, b""),
    "padding and priority": (GREETING + ACK + BOTH, GREETING + BOTH, b""),
    "continuation": (GREETING + ACK + CONTINUED, GREETING + CONTINUED, b""),
    "pings": (
        GREETING + PING_FRAME + ACK + PING_FRAME + REQUEST,
        GREETING + REQUEST,
        PING_ACK * 2,
    ),
    "a ping's acknowledgement": (GREETING + PING_ACK + REQUEST, GREETING + PING_ACK + REQUEST, b""),
    "settings twice": (
        GREETING + CLIENT_SETTINGS + ACK + REQUEST,
        GREETING + CLIENT_SETTINGS + REQUEST,
        ACK,
    ),
    "an unknown frame": (GREETING + UNKNOWN + REQUEST, GREETING + UNKNOWN + REQUEST, b""),
    "a reserved bit": (
        GREETING + request(BLOCK, stream=0x80000001),
        GREETING + request(BLOCK, stream=0x80000001),
        b"",
    ),
    "a frame of priority": (
        GREETING + frame(PRIORITY, b"\0\0\0\0\x10", stream=3) + REQUEST,
        GREETING + frame(PRIORITY, b"\0\0\0\0\x10", stream=3) + REQUEST,
        b"",
    ),
}
"""What the client sends, what is left for the server, and answers behind those to the greeting."""


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_request_is_found_wherever_its_bytes_are_split(case: str) -> None:
    sent, left, answers = ACCEPTED[case]
    for at in range(len(sent)):
        opening = Opening()

        assert not opening.feed(sent[:at])
        assert opening.feed(sent[at:] + TAIL)

        assert opening.host == "name"
        assert (bytes(opening.replay), opening.rest) == (left, TAIL)
        assert opening.answers == EMPTY + ACK + answers
        assert opening.awaited_acks == (0 if ACK in sent else 1)
        assert opening.given_acks == sent.count(CLIENT_SETTINGS) + (EMPTY in sent)


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_request_is_found_byte_by_byte(case: str) -> None:
    sent, left, _ = ACCEPTED[case]
    opening = Opening()

    found = [opening.feed(sent[at : at + 1]) for at in range(len(sent))]

    assert found == [False] * (len(sent) - 1) + [True]
    assert (bytes(opening.replay), opening.rest) == (left, b"")


REFUSED = {
    "a request before settings": (PREFACE + REQUEST, 1),
    "an acknowledgement before settings": (PREFACE + ACK, 1),
    "a second acknowledgement": (GREETING + ACK + ACK, 1),
    "an acknowledgement with settings": (GREETING + frame(SETTINGS, b"123456", flags=1), 6),
    "settings of an odd length": (PREFACE + frame(SETTINGS, b"12345"), 6),
    "settings of a stream": (PREFACE + frame(SETTINGS, stream=1), 1),
    "a ping that is too long": (GREETING + frame(PING, b"123456789"), 6),
    "a ping of a stream": (GREETING + frame(PING, b"12345678", stream=1), 1),
    "data first": (GREETING + frame(DATA, b"body", stream=1), 1),
    "a reset first": (GREETING + frame(RST_STREAM, b"\0\0\0\0", stream=1), 1),
    "a push of a client": (GREETING + frame(PUSH_PROMISE, b"\0\0\0\2", stream=1), 1),
    "a continuation of nothing": (GREETING + frame(CONTINUATION, BLOCK, 4, 1), 1),
    "a continuation of another stream": (
        GREETING + request(BLOCK, flags=0) + frame(CONTINUATION, b"", 4, 3),
        1,
    ),
    "data within headers": (GREETING + request(BLOCK, flags=0) + TAIL, 1),
    "stream 0": (GREETING + request(BLOCK, stream=0), 1),
    "a stream of a server": (GREETING + request(BLOCK, stream=2), 1),
    "padding of more than there is": (GREETING + request(b"\x09" + b"12345678", flags=0xC), 1),
    "no room for the padding": (GREETING + request(b"", flags=0xC), 6),
    "no room for the priority": (GREETING + request(b"1234", flags=0x24), 1),
    "a header of no table": (GREETING + request(b"\xff\xff\x0f"), 9),
    "an endless number": (GREETING + request(b"\xff" + b"\x80" * 10_000 + b"\x01"), 9),
    "a header that is cut": (GREETING + request(BLOCK + b"\x40\x05ab"), 9),
    "a wrong compressed text": (GREETING + request(b"\x40\x82\xff\xff\x01a"), 9),
    "a larger table than allowed": (GREETING + request(b"\x3f\xe2\x1f" + BLOCK), 9),
    "a frame of 16 KiB and a byte": (GREETING + b"\x00\x40\x01\x01\x04\0\0\0\1", 6),
    "endless headers": (
        GREETING
        + request(b"", flags=0)
        + frame(CONTINUATION, b"\x00\x01a\x01b" * 3000, stream=1) * 5,
        11,
    ),
    "long headers": (
        GREETING
        + request(b"\x00\x00\x00" * 5_000, flags=0)
        + frame(CONTINUATION, b"\x00\x00\x00" * 5_000, flags=4, stream=1),
        11,
    ),
    "endless window updates": (GREETING + WINDOW * (MOST_BYTES // len(WINDOW)), 11),
    "endless pings": (GREETING + PING_FRAME * (MOST_BYTES // len(PING_FRAME)), 11),
}
"""What the client sends, and the error code for it."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused(case: str) -> None:
    sent, code = REFUSED[case]

    with pytest.raises(Refused) as refused:
        assert not Opening().feed(sent)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("sent", "protocol"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP/1"),
        (b"PRI * HTTP/2.1\r\n", "HTTP/1"),
        (b"\x16\x03\x01\x02\x00", "TLS"),
        (b"\0", "another protocol"),
    ],
)
def test_other_protocols_are_told_apart(sent: bytes, protocol: str) -> None:
    with pytest.raises(OtherProtocol, match=f"^{protocol}$"):
        Opening().feed(sent)


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ({"_authority": "loc-a.localhost:4000"}, "loc-a.localhost"),
        ({"_authority": "", "host": "Loc-A"}, "loc-a"),
        ({"_authority": "first", "host": "second"}, "first"),
        ({"_authority": ""}, ""),
    ],
)
def test_the_authority_comes_before_the_host(headers: dict[str, str], host: str) -> None:
    opening = Opening()

    opening.feed(GREETING + frame(HEADERS_TYPE, block(**headers), 4, 1))

    assert opening.host == host


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("name", "name"),
        ("NAME.Localhost:4000", "name.localhost"),
        ("name.svc.cluster.local.", "name.svc.cluster.local"),
        ("name.:4000", "name"),
        ("name:", "name"),
        ("under_score", "under_score"),
        ("127.0.0.1:4000", "127.0.0.1"),
        ("[::1]:4000", "::1"),
        ("[FE80::1%25eth0]", "fe80::1%25eth0"),
        ("::1", ""),
        ("[::1", ""),
        ("user@name", ""),
        ("user:word@name:4000", ""),
        ("%2Ftmp%2Fsocket", ""),
        ("name:port", ""),
        ("name/path", ""),
        ("a name", ""),
        ("naïve", ""),
        ("name\n", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_a_host_is_an_authority_without_what_differs_between_clients(
    authority: str, host: str
) -> None:
    assert host_of(authority.encode()) == host


def _split(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))


@pytest.mark.parametrize(
    ("count", "sent", "left"),
    [
        (1, EMPTY + ACK + TAIL, EMPTY + TAIL),
        (1, ACK, b""),
        (1, ACK + ACK + TAIL, ACK + TAIL),
        (2, ACK + TAIL + ACK + TAIL + ACK, TAIL + TAIL + ACK),
        (1, TAIL + EMPTY, TAIL + EMPTY),
        # Within a payload, such bytes are no frame.
        (1, frame(DATA, ACK, stream=1) + ACK + TAIL, frame(DATA, ACK, stream=1) + TAIL),
        (0, ACK, ACK),
        (1, frame(DATA, b"x" * 300, stream=1)[:200], frame(DATA, b"x" * 300, stream=1)[:200]),
        (1, EMPTY + TAIL[:5], EMPTY + TAIL[:5]),
    ],
)
def test_only_acknowledgements_are_dropped_wherever_bytes_are_split(
    count: int, sent: bytes, left: bytes
) -> None:
    for parts in _split(sent):
        acks = AckFilter(count)

        assert b"".join(map(acks.feed, parts)) + acks.end() == left


def test_a_first_message_of_tls_ends() -> None:
    """In the smallest records there are; each byte of it is looked at once."""
    opening = SecureOpening()
    record = b"\x16\x03\x01\x00\x01"
    for byte in b"\x01\x00\xff\x00":
        assert not opening.feed(record + bytes([byte]))

    while len(opening.replay) < MOST_BYTES:
        at = len(opening.replay) % 6
        assert not opening.feed((record + b"a")[at : at + 1])

    with pytest.raises(OtherProtocol, match="does not end"):
        opening.feed(b"a")
