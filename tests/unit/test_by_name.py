"""One port for many servers: real gRPC servers on unix sockets, real clients, and raw bytes.

Every test runs on both event loops: uvloop serves where it is installed, asyncio's own elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import uvloop

from codeserver.errors import OperatorError
from codeserver.front.passing import Port, arrival, by_name, port
from codeserver.front.passing.connections import BUFFER_BYTES
from codeserver.front.passing.opening import MOST_BYTES
from tests.support.eventually import PATIENCE
from tests.unit.http2_frames import (
    ACK,
    DATA,
    EMPTY,
    GOAWAY,
    GREETING,
    PING_ACK,
    PING_FRAME,
    PREFACE,
    WINDOW,
    block,
    frame,
    request,
)
from tests.unit.waiting import others_have_ended, soon, until

REQUEST = request(block())
TAIL = frame(DATA, b"body", flags=1, stream=1)
LARGE = 100 * 1024 * 1024
CHUNK = bytes(range(256)) * 4096
MANY = 300
"""Connections; two files each, and below the limit of open files that shells set."""


@pytest.fixture(
    params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"], autouse=True
)
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # `asyncio.run` takes no maker of loops before Python 3.12, and policies end with 3.16.
    monkeypatch.setattr(asyncio.events, "new_event_loop", request.param)


class Service:
    """A location's server; it tells its name, and takes and sends streams."""

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.waiting = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def Name(self, sent: bytes, _context: Any) -> bytes:
        return self.name + sent

    async def Wait(self, _request: bytes, _context: Any) -> bytes:
        self.waiting.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return self.name

    async def Echo(self, chunks: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk

    @contextlib.asynccontextmanager
    async def serving(self, path: Path) -> AsyncIterator[grpc.aio.Server]:
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Name": grpc.unary_unary_rpc_method_handler(self.Name),
            "Wait": grpc.unary_unary_rpc_method_handler(self.Wait),
            "Echo": grpc.stream_stream_rpc_method_handler(self.Echo),
        }
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Test", handlers),))
        server.add_insecure_port(f"unix:{path}")
        await server.start()
        try:
            yield server
        finally:
            await server.stop(0)


class Routed:
    """A router, and the services `a` and `b` behind it; all other hosts belong to `a`."""

    router: Port
    address: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[str] = []
        self.routes = self.usual
        self.a = Service("a")
        self.b = Service("b")

    def route(self, host: str) -> str:
        return self.routes(host)

    def usual(self, host: str) -> str:
        self.hosts.append(host)
        name = host.partition(".")[0]
        return str(self.folder / (name if name in {"b", "gone", "raw"} else "a"))

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.address.rpartition(":")
        return host, int(port)

    def channel(self, host: str = "", **options: Any) -> grpc.aio.Channel:
        named = [("grpc.default_authority", host)] if host else []
        return grpc.aio.insecure_channel(self.address, options=named, **options)

    async def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.place)

    async def reply_to(self, *parts: bytes) -> bytes:
        """All that the router replies to these bytes, until it closes the connection."""
        reader, writer = await self.streams()
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        reply = await soon(reader.read())
        writer.close()
        return reply


@contextlib.asynccontextmanager
async def routed(folder: Path, most: int = sys.maxsize) -> AsyncIterator[Routed]:
    both = Routed(folder)
    router = both.router = by_name(both.route, most=most)
    (both.address,) = await router.start("127.0.0.1", 0)
    async with both.a.serving(folder / "a"), both.b.serving(folder / "b"):
        yield both
        await router.stop(0)
    # gRPC's own tasks end a moment later, and must not outlive this test's event loop.
    await others_have_ended()


async def test_the_authority_names_the_server_of_each_channel(short_tmp: Path) -> None:
    async with routed(short_tmp) as both:
        for host, name in [("b.localhost:4000", b"b"), ("B", b"b"), ("a", b"a"), ("", b"a")]:
            async with both.channel(host) as channel:
                for sent in (b"", b"1"):
                    assert await soon(channel.unary_unary("/Test/Name")(sent)) == name + sent

    assert both.hosts == ["b.localhost", "b", "a", "127.0.0.1"]


async def test_blocking_clients_with_many_channels_at_once(short_tmp: Path) -> None:
    def ask(number: int) -> bytes:
        host = "ab"[number % 2]
        options = [("grpc.default_authority", host), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(both.address, options) as channel:
            call = channel.unary_unary("/Test/Name")
            reply: bytes = call(b"%d" % number, timeout=PATIENCE)
            return reply

    async with routed(short_tmp) as both:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(16) as threads:
            asked = [loop.run_in_executor(threads, ask, number) for number in range(200)]
            replies = await soon(asyncio.gather(*asked))

    assert replies == [b"%c%d" % (b"ab"[number % 2], number) for number in range(200)]


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_hundred_megabytes_arrive_in_order_both_ways(
    short_tmp: Path, compression: grpc.Compression
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(LARGE // len(CHUNK)):
            yield number.to_bytes(4, "big") + CHUNK

    async with routed(short_tmp) as both, both.channel("b", compression=compression) as channel:
        call = channel.stream_stream("/Test/Echo")(chunks())
        received = 0
        async for chunk in call:
            assert chunk == received.to_bytes(4, "big") + CHUNK
            received += 1

    assert received == LARGE // len(CHUNK)


class Raw:
    """A server that is only bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer


@contextlib.asynccontextmanager
async def raw_server(path: Path) -> AsyncIterator[asyncio.Queue[Raw]]:
    arrived: asyncio.Queue[Raw] = asyncio.Queue()
    server = await asyncio.start_unix_server(
        lambda reader, writer: arrived.put_nowait(Raw(reader, writer)), path
    )
    yield arrived
    server.close()
    while not arrived.empty():
        arrived.get_nowait().writer.close()


RAW = request(block(_authority="raw"))


async def test_the_two_sides_are_told_the_same_as_without_a_router(short_tmp: Path) -> None:
    """The client gets two settings and one acknowledgement; the server one of its own."""
    async with routed(short_tmp) as both, raw_server(short_tmp / "raw") as servers:
        reader, writer = await both.streams()
        writer.write(GREETING + WINDOW)
        assert await soon(reader.readexactly(18)) == EMPTY + ACK
        writer.write(PING_FRAME)
        assert await soon(reader.readexactly(17)) == PING_ACK
        for byte in ACK + RAW + TAIL:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        server = await soon(servers.get())
        replay = GREETING + WINDOW + RAW + TAIL
        assert await soon(server.reader.readexactly(len(replay))) == replay

        server.writer.write(EMPTY + ACK + WINDOW + PING_FRAME + ACK)
        theirs = EMPTY + WINDOW + PING_FRAME + ACK
        assert await soon(reader.readexactly(len(theirs))) == theirs
        writer.write(ACK + PING_ACK)
        assert await soon(server.reader.readexactly(26)) == ACK + PING_ACK

        # The end of one way leaves the other open.
        writer.write_eof()
        assert await soon(server.reader.read()) == b""
        server.writer.write(TAIL)
        server.writer.close()
        assert await soon(reader.read()) == TAIL
        writer.close()


async def test_an_acknowledgement_after_the_request_is_dropped(short_tmp: Path) -> None:
    async with routed(short_tmp) as both, raw_server(short_tmp / "raw") as servers:
        reader, writer = await both.streams()
        writer.write(GREETING + RAW + TAIL[:5])
        server = await soon(servers.get())
        assert await soon(server.reader.readexactly(len(GREETING + RAW))) == GREETING + RAW
        writer.write(TAIL[5:] + ACK + TAIL[:3])
        writer.write_eof()
        assert await soon(server.reader.read()) == TAIL + TAIL[:3]
        server.writer.close()
        assert await soon(reader.read()) == EMPTY + ACK
        writer.close()


@pytest.mark.parametrize("to_server", [True, False], ids=["a slow server", "a slow client"])
async def test_a_slow_reader_stops_the_writer_and_loses_nothing(
    short_tmp: Path, to_server: bool
) -> None:
    async with routed(short_tmp) as both, raw_server(short_tmp / "raw") as servers:
        client_reader, client = await both.streams()
        client.write(GREETING + ACK + RAW)
        server = await soon(servers.get())
        await soon(server.reader.readexactly(len(GREETING + RAW)))
        await soon(client_reader.readexactly(18))
        if to_server:
            writer, reader = client, server.reader
        else:
            server.writer.write(EMPTY + ACK)
            await soon(client_reader.readexactly(9))
            writer, reader = server.writer, client_reader

        async def write() -> None:
            for _ in range(LARGE // len(CHUNK)):
                writer.write(CHUNK)
                await writer.drain()
            writer.write_eof()

        writing = asyncio.create_task(write())
        (copying,) = both.router._connections
        way = copying._up if to_server else copying._down
        await until(lambda: way._held is not None)
        assert len(way._held) <= BUFFER_BYTES
        assert not writing.done()

        received = 0
        while data := await soon(reader.read(len(CHUNK))):
            whole = CHUNK + CHUNK
            assert data == whole[received % 256 : received % 256 + len(data)]
            received += len(data)
        assert received == LARGE // len(CHUNK) * len(CHUNK)
        await soon(writing)
        for each in (client, server.writer):
            each.close()


async def test_a_lost_client_ends_its_calls(short_tmp: Path) -> None:
    async with routed(short_tmp) as both:
        _, writer = await both.streams()
        head = request(
            block(_path="/Test/Wait", te="trailers", **{"content-type": "application/grpc"})
        )
        writer.write(GREETING + ACK + head + frame(DATA, bytes(5), flags=1, stream=1))
        await soon(both.a.waiting.wait())

        taken = writer.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

        await soon(both.a.cancelled.wait())


async def test_a_lost_server_is_unavailable_and_found_when_it_is_back(short_tmp: Path) -> None:
    async with routed(short_tmp) as both, both.channel("gone") as channel:
        call = channel.unary_unary("/Test/Name")
        with pytest.raises(grpc.aio.AioRpcError, match="No such file") as refused:
            await soon(call(b""))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE

        back = Service("back")
        async with back.serving(short_tmp / "gone"):
            assert await soon(call(b"", wait_for_ready=True)) == b"back"
            waiting = channel.unary_unary("/Test/Wait")(b"")
            await soon(back.waiting.wait())
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await soon(waiting)
        assert lost.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_calls_end_before_connections_when_everything_stops(short_tmp: Path) -> None:
    gone = Service("gone")
    async with (
        routed(short_tmp) as both,
        gone.serving(short_tmp / "gone") as server,
        both.channel("gone") as channel,
    ):
        silent = await both.streams()
        greeting = await both.streams()
        greeting[1].write(GREETING)
        call = channel.unary_unary("/Test/Wait")(b"")
        await soon(gone.waiting.wait())
        stopped = asyncio.gather(server.stop(PATIENCE), both.router.stop(PATIENCE))
        for reader, writer in (silent, greeting):
            assert (await soon(reader.read())).endswith(b"the server shuts down")
            writer.close()
        with pytest.raises(ConnectionRefusedError):
            await both.streams()

        assert not stopped.done()
        gone.release.set()

        assert await soon(call) == b"gone"
        await soon(stopped)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (GREETING + request(b"\xff\xff\x0f"), 9),
        (GREETING + TAIL, 1),
        (GREETING + WINDOW * (MOST_BYTES // len(WINDOW)), 11),
    ],
    ids=["headers", "data", "too much"],
)
async def test_a_wrong_client_is_told_why(short_tmp: Path, sent: bytes, code: int) -> None:
    async with routed(short_tmp) as both:
        reply = await both.reply_to(sent)

    assert reply.startswith(EMPTY + ACK)
    goaway = reply.removeprefix(EMPTY + ACK)
    assert goaway[3] == GOAWAY
    assert goaway[9:17] == bytes(7) + bytes((code,))
    assert not both.hosts


async def test_other_protocols_are_closed_with_one_warning(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with routed(short_tmp) as both:
        with caplog.at_level(logging.WARNING, "codeserver"):
            for sent in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n", b"junk"):
                assert await both.reply_to(sent) == b""

    (warning,) = caplog.messages
    assert "127.0.0.1" in warning
    assert "speaks TLS" in warning


async def test_many_connections_that_only_connect_are_served_beside_calls(short_tmp: Path) -> None:
    async with routed(short_tmp) as both:
        idle = [await both.streams() for _ in range(MANY)]
        for _, writer in idle[::2]:
            writer.write(GREETING)
        for reader, _ in idle[::2]:
            assert await soon(reader.readexactly(18)) == EMPTY + ACK
        async with both.channel("b") as channel:
            await soon(channel.channel_ready())
            assert await soon(channel.unary_unary("/Test/Name")(b"")) == b"b"
        for _, writer in idle:
            writer.close()
        await until(lambda: not list(both.router._connections))


async def test_a_client_that_does_not_greet_is_closed(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival, "_GREETING_SECONDS", 0.01)
    async with routed(short_tmp) as both:
        assert await both.reply_to() == b""
        assert await both.reply_to(PREFACE) == EMPTY


async def test_a_client_that_does_not_read_its_answers_is_closed(short_tmp: Path) -> None:
    # 64 KiB of pings fit into the buffers of sockets, so the router's socket gets a small one.
    async with routed(short_tmp) as both:
        (listener,) = both.router._listeners
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, both.place)
            with contextlib.suppress(ConnectionError):
                await soon(loop.sock_sendall(client, GREETING + PING_FRAME * 3000))
            await until(lambda: not list(both.router._connections))


async def test_a_full_queue_of_a_server_is_waited_for(short_tmp: Path) -> None:
    async with routed(short_tmp) as both:
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
            server.bind(str(short_tmp / "raw"))
            server.listen(0)
            first.connect(str(short_tmp / "raw"))
            _, writer = await both.streams()
            writer.write(GREETING + ACK + RAW)
            await until(lambda: both.hosts)
            server.accept()[0].close()
            server.setblocking(False)
            loop = asyncio.get_running_loop()
            taken, _ = await soon(loop.sock_accept(server))
            with taken:
                assert await soon(loop.sock_recv(taken, 1000)) == GREETING + RAW
            writer.close()


async def test_accepting_goes_on_after_too_many_open_files(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(port, "_PAUSE_SECONDS", 0.01)
    async with routed(short_tmp) as both:
        failures = iter([OSError(errno.EMFILE, "Too many open files")] * 3)

        def accept(listener: socket.socket, take: Callable[..., Any] = socket.socket.accept) -> Any:
            if (failure := next(failures, None)) is not None:
                raise failure
            return take(listener)

        monkeypatch.setattr(socket.socket, "accept", accept)
        async with both.channel("b") as channel:
            assert await soon(channel.unary_unary("/Test/Name")(b"")) == b"b"

    assert caplog.messages == ["a connection cannot be accepted: Too many open files"]


async def test_more_connections_than_may_be_are_closed(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with routed(short_tmp, most=1) as both:
        async with both.channel("b") as channel:
            assert await soon(channel.unary_unary("/Test/Name")(b"")) == b"b"
            reader, writer = await both.streams()
            assert await soon(reader.read()) == b""
            writer.close()
        await until(lambda: not len(both.router._connections))
        async with both.channel("b") as channel:
            assert await soon(channel.unary_unary("/Test/Name")(b"")) == b"b"

    said = "a connection was closed at once: there are 1; see --max-connections"
    assert caplog.messages == [said]


async def test_a_route_that_fails_closes_the_connection(short_tmp: Path) -> None:
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
    async with routed(short_tmp) as both:
        both.routes = {"no": "route"}.__getitem__
        assert await both.reply_to(GREETING + ACK + REQUEST) == EMPTY + ACK

    assert [*map(repr, failures)] == ["KeyError('name')"]


async def test_an_address_in_use_is_a_plain_error(short_tmp: Path) -> None:
    async with routed(short_tmp) as both:
        second = by_name(both.route)
        with pytest.raises(OperatorError, match=r"^Port \d+ on 127.0.0.1 is in use; stop what"):
            await second.start(*both.place)
        with pytest.raises(OperatorError, match="cannot be resolved"):
            await second.start("no.such.host.invalid", 0)


async def test_a_name_is_bound_on_all_its_addresses_with_one_port() -> None:
    router = by_name(lambda host: "")
    addresses = await router.start("localhost", 0)

    assert addresses[0].startswith("127.0.0.1:")
    assert len({address.rpartition(":")[2] for address in addresses}) == 1
    await router.stop(0)
