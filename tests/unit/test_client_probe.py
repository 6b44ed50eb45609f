"""The probe that needs no gRPC: which replies it believes, and that it believes no others."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from codeserver.probe.asking import NotServing, NotSure, ask
from tests.unit.client_peers import Heard, listener, serving

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END, ENDS_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x4, 0x8, 0x20
LAST = END | ENDS_HEADERS


def frame(kind: int, flags: int = 0, payload: bytes = b"", stream: int = 1) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes, first: bytes = b"\x00") -> bytes:
    return first + bytes((len(name),)) + name + bytes((len(value),)) + value


SETTINGS_FRAME = frame(SETTINGS, stream=0)
OK = b"\x88"
STATUS = literal(b"grpc-status", b"0")
STATE = literal(b"codeserver-state", b"ready")
MESSAGE = b"\x00\x00\x00\x00\x02\x08\x01"
PRIORITIES = b"\x00\x00\x00\x00\x10"

HEAD = frame(HEADERS, ENDS_HEADERS, OK + literal(b"content-type", b"application/grpc"))
BODY = frame(DATA, 0, MESSAGE)
TAIL = frame(HEADERS, LAST, STATE + STATUS)
REPLY = SETTINGS_FRAME + HEAD + BODY + TAIL

BELIEVED = {
    "plain": REPLY,
    "settings and their acknowledgement": frame(SETTINGS, 0, b"\x00\x03\x00\x00\x00\x64", 0)
    + frame(SETTINGS, END, b"", 0)
    + HEAD
    + BODY
    + TAIL,
    "pings, windows and what is not known": SETTINGS_FRAME
    + frame(PING, 0, b"12345678", 0)
    + HEAD
    + frame(WINDOW, 0, b"\x00\x00\x00\x05", 0)
    + frame(0xFA, 0xFF, b"anything")
    + BODY
    + frame(PRIORITY, 0, PRIORITIES)
    + frame(PING, 1, b"12345678", 0)
    + TAIL,
    "padded": SETTINGS_FRAME
    + frame(HEADERS, ENDS_HEADERS | PADDED | HAS_PRIORITY, b"\x03" + PRIORITIES + OK + b"\0\0\0")
    + frame(DATA, PADDED, b"\x02" + MESSAGE + b"\0\0")
    + frame(HEADERS, LAST | PADDED, b"\x00" + STATUS),
    "in pieces": SETTINGS_FRAME
    + frame(HEADERS, 0, b"")
    + frame(CONTINUATION, ENDS_HEADERS, OK)
    + frame(DATA, 0, MESSAGE[:3])
    + frame(DATA, 0, b"")
    + frame(DATA, 0, MESSAGE[3:])
    + frame(HEADERS, END, STATUS[:5])
    + frame(CONTINUATION, 0, STATUS[5:9])
    + frame(CONTINUATION, ENDS_HEADERS, STATUS[9:]),
    "compressed": SETTINGS_FRAME
    + frame(HEADERS, ENDS_HEADERS, b"\x08\x82\x10\x01")
    + BODY
    + frame(HEADERS, LAST, b"\x00\x88" + bytes.fromhex("9acac8b21234da8f") + b"\x81\x07"),
    "to be remembered, by a table of no size": SETTINGS_FRAME
    + frame(HEADERS, ENDS_HEADERS, b"\x20\x48\x03200" + literal(b"x", b"y", b"\x10"))
    + BODY
    + frame(HEADERS, LAST, literal(b"grpc-status", b"0", b"\x40")),
}

NOT_BELIEVED = {
    "nothing": b"",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no settings first": HEAD + BODY + TAIL,
    "not serving": SETTINGS_FRAME + HEAD + frame(DATA, 0, MESSAGE[:-1] + b"\x02") + TAIL,
    "unknown": SETTINGS_FRAME + HEAD + frame(DATA, 0, b"\0\0\0\0\0") + TAIL,
    "compressed message": SETTINGS_FRAME + HEAD + frame(DATA, 0, b"\x01" + MESSAGE[1:]) + TAIL,
    "two messages": SETTINGS_FRAME + HEAD + BODY + BODY + TAIL,
    "no message": SETTINGS_FRAME + HEAD + TAIL,
    "no headers": SETTINGS_FRAME + BODY + TAIL,
    "headers twice": SETTINGS_FRAME + HEAD + HEAD + BODY + TAIL,
    "ends without a status": SETTINGS_FRAME + HEAD + frame(DATA, END, MESSAGE),
    "trailers without a status": SETTINGS_FRAME + HEAD + BODY + frame(HEADERS, LAST, STATE),
    "failed": SETTINGS_FRAME + HEAD + BODY + frame(HEADERS, LAST, literal(b"grpc-status", b"14")),
    "failed at once": SETTINGS_FRAME + frame(HEADERS, LAST, OK + literal(b"grpc-status", b"12")),
    "two statuses": SETTINGS_FRAME
    + HEAD
    + BODY
    + frame(HEADERS, LAST, STATUS + literal(b"grpc-status", b"1")),
    "status in a message": SETTINGS_FRAME
    + HEAD
    + BODY
    + frame(HEADERS, LAST, literal(b"grpc-message", STATUS) + literal(b"grpc-status", b"5")),
    "http 404": SETTINGS_FRAME + frame(HEADERS, ENDS_HEADERS, b"\x8d") + BODY + TAIL,
    "http 200 in another header": SETTINGS_FRAME
    + frame(HEADERS, ENDS_HEADERS, literal(b"status", b"200"))
    + BODY
    + TAIL,
    "a header of a table": SETTINGS_FRAME
    + frame(HEADERS, ENDS_HEADERS, OK + b"\xbe")
    + BODY
    + TAIL,
    "a name of a table": SETTINGS_FRAME + HEAD + BODY + frame(HEADERS, LAST, b"\x7e\x010" + STATUS),
    "cut header": SETTINGS_FRAME + HEAD + BODY + frame(HEADERS, LAST, STATUS[:-1]),
    "endless number": SETTINGS_FRAME + frame(HEADERS, ENDS_HEADERS, b"\xff" * 9) + BODY + TAIL,
    "too much padding": SETTINGS_FRAME + HEAD + frame(DATA, PADDED, b"\x09" + MESSAGE) + TAIL,
    "padding of nothing": SETTINGS_FRAME + HEAD + frame(DATA, PADDED) + TAIL,
    "another stream": SETTINGS_FRAME + HEAD + frame(DATA, 0, MESSAGE, 3) + TAIL,
    "reset": SETTINGS_FRAME + HEAD + frame(RST, 0, b"\0\0\0\x07"),
    "goes away": SETTINGS_FRAME + frame(GOAWAY, 0, b"\0" * 8, 0) + HEAD + BODY + TAIL,
    "pushes": SETTINGS_FRAME + frame(PUSH, 4, b"\0\0\0\x02" + OK) + HEAD + BODY + TAIL,
    "continues nothing": SETTINGS_FRAME + frame(CONTINUATION, 4, OK) + BODY + TAIL,
    "is interrupted": SETTINGS_FRAME
    + frame(HEADERS, 0, OK)
    + frame(PING, 0, b"12345678", 0)
    + TAIL,
    "large frame": SETTINGS_FRAME + frame(0xFA, 0, b"x" * 16_385) + HEAD + BODY + TAIL,
    "very much": SETTINGS_FRAME + frame(0xFA, 0, b"x" * 16_000) * 5 + HEAD + BODY + TAIL,
    "closes early": REPLY[:-1],
}


@pytest.fixture
def path(short_tmp: Path) -> str:
    return str(short_tmp / "s")


@pytest.mark.parametrize("reply", list(BELIEVED.values()), ids=list(BELIEVED))
@pytest.mark.parametrize("pieces", [1, 1000], ids=["at once", "byte by byte"])
def test_believed(path: str, reply: bytes, pieces: int) -> None:
    parts = [reply] if pieces == 1 else [reply[at : at + 1] for at in range(len(reply))]
    with listener(*parts, closes=False, path=path) as heard:
        found = ask(heard.address, "", 60)

    assert found in ({"grpc-status": "0"}, {"grpc-status": "0", "codeserver-state": "ready"})


@pytest.mark.parametrize(("name", "reply"), NOT_BELIEVED.items(), ids=list(NOT_BELIEVED))
def test_not_believed(path: str, name: str, reply: bytes) -> None:
    with listener(reply, path=path) as heard, pytest.raises((NotSure, ConnectionError)) as found:
        ask(heard.address, "", 60)
    assert isinstance(found.value, NotServing) is (name == "not serving")


def test_what_is_damaged_is_not_believed_in_silence(path: str) -> None:
    """Whatever comes, there is an answer or one of the errors that lead to a real client."""
    chance = random.Random(4711)
    for _ in range(300):
        damaged = bytearray(REPLY)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with listener(bytes(damaged), path=path) as heard:
            try:
                ask(heard.address, "", 60)
            except (NotSure, ConnectionError):
                pass
            else:
                assert MESSAGE in damaged
        Path(path).unlink()


def test_what_it_sends(path: str) -> None:
    ping = frame(PING, 0, b"abcdefgh", 0)
    with listener(SETTINGS_FRAME + ping + REPLY[9:], closes=False, path=path) as heard:
        ask(heard.address, "x" * 200, 60)
    sent = list(frames(heard))

    assert [kind for kind, _, _ in sent] == [SETTINGS, HEADERS, DATA, SETTINGS, PING]
    assert b"/grpc.health.v1.Health/Check" in sent[1][2]
    assert b"60000m" in sent[1][2]
    request = health_pb2.HealthCheckRequest(service="x" * 200).SerializeToString()
    assert sent[2] == (DATA, END, b"\x00" + len(request).to_bytes(4, "big") + request)
    assert sent[3] == (SETTINGS, 1, b"")
    assert sent[4] == (PING, 1, b"abcdefgh")


def frames(heard: Heard) -> Iterator[tuple[int, int, bytes]]:
    """The frames that came after the preface."""
    rest = heard.data.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    while rest:
        end = 9 + int.from_bytes(rest[:3], "big")
        yield rest[3], rest[4], rest[9:end]
        rest = rest[end:]


def test_silence_takes_as_long_as_it_may(path: str) -> None:
    with listener(SETTINGS_FRAME, closes=False, path=path) as heard, pytest.raises(TimeoutError):
        ask(heard.address, "", 0.05)


@pytest.mark.parametrize(
    "address", ["unix:/nowhere/s", "127.0.0.1:1", "nowhere.invalid:1", "dns:x"]
)
def test_nobody_there(address: str) -> None:
    with pytest.raises((OSError, NotSure)):
        ask(address, "", 5)


def test_the_second_address_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `localhost` has where a server listens at one of its two addresses."""
    found = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _, port, **more: [
            *found("127.0.0.2", 1, **more),
            *found("127.0.0.1", port, **more),
        ],
    )
    with listener(REPLY, closes=False) as heard:
        assert ask(heard.address, "", 60)["codeserver-state"] == "ready"


class Healthy(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    def __init__(self, status: int) -> None:
        self.status = status

    def Check(self, request: health_pb2.HealthCheckRequest, _: object) -> object:
        status = self.status if request.service in ("", "named") else 3
        return health_pb2.HealthCheckResponse(status=status)


@pytest.mark.parametrize(
    ("status", "service", "expected"),
    [(1, "", True), (1, "named", True), (1, "x", False), (2, "", False)],
)
def test_a_real_server(status: int, service: str, expected: bool) -> None:
    handlers: list[object] = []

    class Registry:
        def add_generic_rpc_handlers(self, found: tuple[object, ...]) -> None:
            handlers.extend(found)

        def add_registered_method_handlers(self, *_: object) -> None: ...

    health_pb2_grpc.add_HealthServicer_to_server(Healthy(status), Registry())
    with serving(*handlers) as address:  # type: ignore[arg-type]
        try:
            believed = bool(ask(address, service, 60))
        except NotSure:
            believed = False
    assert believed is expected
