"""How much one may ask of a server: beyond a limit, callers get a reason, and nobody else fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from bench.requests import Requests, message
from tests.process.access import addresses_of, token_of, write_tokens
from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE, Server
from tests.support.eventually import eventually

REPO = ("-f", str(USER_CODE / "repo.py"))
GET_SERVER_ID = "/api.DagsterApi/GetServerId"
GET_LOCATION = "/codeserver.api.v1.CodeLocationService/GetLocation"
WATCH = "/codeserver.api.v1.CodeLocationService/WatchLocation"
TICK = "/api.DagsterApi/SyncExternalSensorExecution"
LONG = b"\x0a\x80\x80\x80\x01" + bytes(2 << 20)
"""A request with a text of 2 MiB."""
HEALTH_WATCH, HEALTH_CHECK = "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/Check"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
LONG_CURSOR = 20_000_000


@pytest.fixture
def opened() -> Iterator[Callable[..., grpc.Channel]]:
    """Makes channels of which each has a connection of its own."""
    channels: list[grpc.Channel] = []

    def make(address: str) -> grpc.Channel:
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_metadata_size", 1 << 20),
            ("grpc.max_receive_message_length", -1),
        ]
        channels.append(grpc.insecure_channel(address, options=options))
        return channels[-1]

    yield make
    for channel in channels:
        channel.close()


def served_on_a_port(start: Start, *options: str) -> tuple[Server, str]:
    server = start(*REPO, "--listen", "127.0.0.1:0", *options, cwd=USER_CODE)
    eventually(lambda: server.id)  # which may find too many calls or connections for a moment
    return server, addresses_of(server)[1]


def resident(server: Server) -> int:
    """Bytes of memory that the front has."""
    return psutil.Process(server.front.pid).memory_info().rss


def call(channel: grpc.Channel, path: str = GET_SERVER_ID, request: bytes = b"", **how: Any) -> Any:
    return channel.unary_unary(path).future(request, timeout=LIMIT, **how)


def status(made: Any) -> str:
    error = made.exception()
    return "OK" if error is None else f"{error.code().name}: {error.details()}"


def watching(channel: grpc.Channel) -> Any:
    """A call that goes on until it is cancelled."""
    watched = channel.unary_stream(WATCH)(b"", timeout=LIMIT)
    next(watched)
    return watched


TOO_LONG: dict[str, tuple[str, bytes, Any, str]] = {
    "a request to read": (GET_SERVER_ID, LONG, (), "of GetServerId may have 1048576 bytes; this"),
    "a typed request": (GET_LOCATION, LONG, (), "A request of GetLocation may have 1048576 bytes"),
    "any request": (TICK, LONG + LONG, (), "larger than max"),
    "headers": (GET_SERVER_ID, b"", (("x", "x" * 6000),), "metadata size exceeds"),
}


@pytest.mark.parametrize("kind", TOO_LONG)
def test_too_long(start: Start, opened: Callable[..., grpc.Channel], kind: str) -> None:
    path, request, metadata, said = TOO_LONG[kind]
    options = ("--max-request-size", "3MiB", "--max-header-size", "2KiB")
    _, address = served_on_a_port(start, *options)
    channel = opened(address)
    refusal = status(call(channel, path, request, metadata=metadata))
    assert refusal.startswith("RESOURCE_EXHAUSTED: ")
    assert said in refusal
    assert status(call(channel)) == "OK"


def test_calls_in_all(start: Start, opened: Callable[..., grpc.Channel]) -> None:
    _, address = served_on_a_port(start, "--max-calls", "1")
    watched = eventually(lambda: watching(opened(address)))  # the one before counts for a moment
    other = opened(address)
    assert status(call(other)) == "RESOURCE_EXHAUSTED: Concurrent RPC limit exceeded!"
    watched.cancel()
    eventually(lambda: status(call(other)) == "OK")


def test_calls_of_a_connection_wait(start: Start, opened: Callable[..., grpc.Channel]) -> None:
    _, address = served_on_a_port(start, "--max-connection-calls", "1")
    channel = opened(address)
    watched = watching(channel)
    waiting = call(channel)
    assert status(call(opened(address))) == "OK"
    assert not waiting.done()
    watched.cancel()
    assert status(waiting) == "OK"


def test_connections(start: Start, opened: Callable[..., grpc.Channel]) -> None:
    _, address = served_on_a_port(start, "--max-connections", "1")
    first = opened(address)
    assert status(call(first)) == "OK"
    assert status(call(opened(address))).startswith("UNAVAILABLE")
    first.close()
    eventually(lambda: status(call(opened(address))) == "OK")


@pytest.mark.parametrize("limit", ["--max-connection-idle", "--max-connection-age"])
def test_connections_end(start: Start, opened: Callable[..., grpc.Channel], limit: str) -> None:
    """And calls under way do not."""
    _, address = served_on_a_port(start, limit, "1s")
    channel = opened(address)
    left = threading.Event()
    watched = watching(channel) if limit.endswith("age") else None

    def look(state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.IDLE and seen:
            left.set()
        seen.append(state)

    seen: list[grpc.ChannelConnectivity] = []
    assert status(call(channel)) == "OK"
    channel.subscribe(look)
    assert left.wait(LIMIT)
    assert watched is None or watched.is_active()
    assert status(call(channel)) == "OK"


def test_strangers_cannot_send_anything(
    start: Start, opened: Callable[..., grpc.Channel], work: Path
) -> None:
    """They are refused before the server takes their request."""
    write_tokens(work / "tokens")
    _, address = served_on_a_port(start, "--auth-token-file", str(work / "tokens"))
    has_ended = threading.Event()

    def requests() -> Iterator[bytes]:
        has_ended.wait(LIMIT)
        yield b""

    sending = opened(address).stream_unary(TICK)
    try:
        refused = sending.future(requests(), timeout=LIMIT)
        assert status(refused).startswith("UNAUTHENTICATED: ")
        known = (("authorization", f"Bearer {token_of('ci')}"),)
        taken = sending.future(requests(), timeout=LIMIT, metadata=known)
        assert not taken.done()
    finally:
        has_ended.set()
    assert not status(taken).startswith("UNAUTHENTICATED")


def test_long_requests_leave_no_memory_behind(
    start: Start, opened: Callable[..., grpc.Channel]
) -> None:
    """Neither those that are answered nor those that are refused."""
    server, address = served_on_a_port(start, "--max-workers", "1", "--max-queue", "2")
    before = resident(server)
    request = message(Requests(server.instance_ref).sensor("quick", "c" * LONG_CURSOR))
    long = [call(opened(address), TICK, request.SerializeToString()) for _ in range(8)]
    ends = {status(each).partition(":")[0] for each in long}
    assert ends == {"OK", "RESOURCE_EXHAUSTED"}
    del request, long
    eventually(lambda: resident(server) < before + 3 * LONG_CURSOR, every=0.2)


def test_strangers_leave_room_for_health_checks(
    start: Start, opened: Callable[..., grpc.Channel], work: Path
) -> None:
    """They may watch the health without a token, and take no place of who has one."""
    write_tokens(work / "tokens")
    options = ("--auth-token-file", str(work / "tokens"), "--max-calls", "150")
    server, address = served_on_a_port(start, *options)
    stranger = opened(address)
    watched = [stranger.unary_stream(HEALTH_WATCH)(b"", timeout=LIMIT) for _ in range(64)]
    assert all(next(each) is not None for each in watched)
    (more,) = [stranger.unary_stream(HEALTH_WATCH)(b"", timeout=LIMIT)]
    with pytest.raises(grpc.RpcError) as raised:
        next(more)
    assert "One host may have 64 calls without a token under way." in str(raised.value)
    known = (("authorization", f"Bearer {token_of('ci')}"),)
    assert status(call(opened(address), metadata=known)) == "OK"
    assert server.id
    watched[0].cancel()
    eventually(lambda: status(call(stranger, HEALTH_CHECK)) == "OK")


def test_reflection_needs_a_token(
    start: Start, opened: Callable[..., grpc.Channel], work: Path
) -> None:
    write_tokens(work / "tokens")
    _, address = served_on_a_port(start, "--auth-token-file", str(work / "tokens"))
    reflect = opened(address).stream_stream(REFLECT)
    asked = b"\x3a\x00"  # for the list of services
    with pytest.raises(grpc.RpcError) as raised:
        next(reflect(iter([asked]), timeout=LIMIT))
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
    known = (("authorization", f"Bearer {token_of('catalogue')}"),)
    assert b"api.DagsterApi" in next(reflect(iter([asked]), timeout=LIMIT, metadata=known))
