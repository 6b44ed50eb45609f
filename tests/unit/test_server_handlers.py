"""Exceptions of a service become statuses, over a real server and a real client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from codeserver import errors
from codeserver.front.encoding import string_field
from codeserver.front.handlers import handlers_for
from codeserver.front.reply_room import ReplyRoom
from tests.unit.waiting import others_have_ended, soon, until

Request = health_pb2.HealthCheckRequest
Response = health_pb2.HealthCheckResponse
Status = grpc.StatusCode


class Servicer:
    """The health service, because it has a unary RPC and a stream; does what a test wants."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.replies: list[Any] = []
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def Check(self, request: Any, context: Any) -> Any:
        if request.service == "wait":
            await self._wait()
        if request.service == "abort":
            await context.abort(Status.ALREADY_EXISTS, "by the method")
        if self.error is not None:
            raise self.error
        return self.replies[0]

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for reply in self.replies:
            yield reply
        yield await self.Check(request, context)

    async def List(self, request: Any, context: Any) -> Any:
        """Not in every release of the package."""
        raise NotImplementedError

    async def _wait(self) -> None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class Client:
    def __init__(self, stub: Any) -> None:
        self.stub = stub

    async def check(self, service: str = "", **options: Any) -> Any:
        return await soon(self.stub.Check(Request(service=service), **options))

    async def watch(self, service: str = "", **options: Any) -> Any:
        """The last reply of the stream."""

        async def read() -> list[Any]:
            return [reply async for reply in self.stub.Watch(Request(service=service), **options)]

        return (await soon(read()))[-1]


@contextlib.asynccontextmanager
async def serving(
    folder: Path, servicer: Servicer, replies: ReplyRoom | None = None
) -> AsyncIterator[Client]:
    server = grpc.aio.server()
    service = health_pb2.DESCRIPTOR.services_by_name["Health"]
    server.add_generic_rpc_handlers(
        (handlers_for(service, health_pb2, servicer, replies or ReplyRoom(MOST_BYTES)),)
    )
    server.add_insecure_port(f"unix:{folder}/s")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
            yield Client(health_pb2_grpc.HealthStub(channel))
    finally:
        await server.stop(0)
        # gRPC's own tasks end a moment later, and must not outlive this test's event loop.
        await others_have_ended()


class Subclass(errors.WorkerCrashed):
    """As more precise errors are made."""


EXPECTED: list[tuple[Exception, grpc.StatusCode]] = [
    (errors.InvalidRequest("what is wrong"), Status.INVALID_ARGUMENT),
    (errors.NotFound("what is missing é€😀\nsecond line"), Status.NOT_FOUND),
    (errors.NotPermitted("what is not allowed"), Status.PERMISSION_DENIED),
    (errors.RequestTimeout("what took long"), Status.DEADLINE_EXCEEDED),
    (errors.Overloaded("what is waited for"), Status.RESOURCE_EXHAUSTED),
    (errors.Draining("no new work"), Status.UNAVAILABLE),
    (errors.StillLoading("still importing repo.py"), Status.UNAVAILABLE),
    (errors.WorkerCrashed("how it ended"), Status.INTERNAL),
    (Subclass("how it ended"), Status.INTERNAL),
]
DEFECTS = [
    ValueError("a bug"),
    KeyError("a bug"),
    errors.ProtocolError("a bug"),
    errors.OperatorError("a bug"),
    RuntimeError(),
]
RPCS = ["check", "watch"]

MOST_BYTES = 1_000_000


@pytest.mark.parametrize("rpc", RPCS)
async def test_replies_are_messages_or_their_bytes(short_tmp: Path, rpc: str) -> None:
    servicer = Servicer()
    reply = Response(status=Response.NOT_SERVING)
    async with serving(short_tmp, servicer) as client:
        for each in (reply, reply.SerializeToString()):
            servicer.replies = [each]
            assert await getattr(client, rpc)() == reply


async def test_a_stream_keeps_its_order(short_tmp: Path) -> None:
    servicer = Servicer()
    servicer.replies = [Response(status=number) for number in (1, 2, 3)]  # type: ignore[arg-type]
    async with serving(short_tmp, servicer) as client:
        replies = [reply.status async for reply in client.stub.Watch(Request())]
    assert replies == [1, 2, 3, 1]


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.parametrize(("error", "status"), EXPECTED, ids=lambda value: type(value).__name__)
async def test_errors_on_purpose(
    short_tmp: Path,
    caplog: pytest.LogCaptureFixture,
    rpc: str,
    error: Exception,
    status: grpc.StatusCode,
) -> None:
    servicer = Servicer()
    servicer.error = error
    async with serving(short_tmp, servicer) as client:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(client, rpc)()
    assert (raised.value.code(), raised.value.details()) == (status, str(error))
    assert caplog.records == [], "nothing that the operator must look at"


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.parametrize("error", DEFECTS, ids=lambda value: type(value).__name__)
async def test_other_errors_are_our_defects(
    short_tmp: Path, caplog: pytest.LogCaptureFixture, rpc: str, error: Exception
) -> None:
    servicer = Servicer()
    servicer.error = error
    async with serving(short_tmp, servicer) as client:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(client, rpc)()
    name = rpc.capitalize()
    assert raised.value.code() is Status.INTERNAL
    assert raised.value.details() == f"{name} failed: {error!r}"
    [record] = caplog.records
    assert (record.name, record.levelno) == ("codeserver", logging.ERROR)
    assert record.getMessage() == f"{name} failed; this is a defect of codeserver"
    assert record.exc_info is not None
    assert record.exc_info[1] is error, "with its traceback"


@pytest.mark.parametrize("rpc", RPCS)
async def test_a_method_may_abort_itself(
    short_tmp: Path, caplog: pytest.LogCaptureFixture, rpc: str
) -> None:
    async with serving(short_tmp, Servicer()) as client:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(client, rpc)("abort")
    assert (raised.value.code(), raised.value.details()) == (
        Status.ALREADY_EXISTS,
        "by the method",
    )
    assert [record.getMessage() for record in caplog.records if record.name == "codeserver"] == []


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("x" * 20_000), Status.NOT_FOUND),
        (errors.NotFound("€" * 20_000), Status.NOT_FOUND),
        (errors.NotFound("😀" * 20_000), Status.NOT_FOUND),
        (errors.NotFound("\n" * 20_000), Status.NOT_FOUND),
        (ValueError("x" * 20_000), Status.INTERNAL),
        (ValueError("€" * 20_000), Status.INTERNAL),
    ],
    ids=["ascii", "euro", "emoji", "newlines", "defect", "defect euro"],
)
async def test_long_details_do_not_hide_the_status(
    short_tmp: Path, rpc: str, error: Exception, status: grpc.StatusCode
) -> None:
    """Details are a header, encoded as in a URL, and headers beyond 8 KiB are refused."""
    servicer = Servicer()
    servicer.error = error
    async with serving(short_tmp, servicer) as client:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await getattr(client, rpc)()
    details = raised.value.details() or ""
    assert raised.value.code() is status, details[:200]
    assert str(error)[:100] in details, "as much as fits"
    # Between 8 and 16 KiB clients refuse some at random, so only the length says it for sure.
    assert len(urllib.parse.quote(details)) < 8 * 1024


async def test_details_that_cannot_be_encoded(short_tmp: Path) -> None:
    """As the name of a file that is not UTF-8: Python reads its bytes as lone surrogates."""
    servicer = Servicer()
    servicer.error = errors.NotFound("no file caf\udce9.ipynb")
    async with serving(short_tmp, servicer) as client:
        with pytest.raises(grpc.aio.AioRpcError, match=r"no file caf.*\.ipynb") as raised:
            await client.check()
    assert raised.value.code() is Status.NOT_FOUND


@pytest.mark.parametrize("rpc", RPCS)
async def test_a_caller_that_goes_away_cancels_the_method(short_tmp: Path, rpc: str) -> None:
    servicer = Servicer()
    async with serving(short_tmp, servicer) as client:
        calling = asyncio.create_task(getattr(client, rpc)("wait"))
        await soon(servicer.waiting.wait())
        calling.cancel()
        await soon(servicer.cancelled.wait())
        await asyncio.wait([calling])


async def test_replies_before_an_error_arrive(short_tmp: Path) -> None:
    servicer = Servicer()
    servicer.replies = [Response(status=Response.SERVING)]
    servicer.error = errors.WorkerCrashed("half-way")
    received = []
    async with serving(short_tmp, servicer) as client:
        stream = client.stub.Watch(Request())
        received.append(await soon(stream.read()))
        with pytest.raises(grpc.aio.AioRpcError, match="half-way"):
            await soon(stream.read())
    assert received == servicer.replies


async def test_an_rpc_that_is_not_in_the_contract(short_tmp: Path) -> None:
    async with (
        serving(short_tmp, Servicer()),
        grpc.aio.insecure_channel(f"unix:{short_tmp}/s") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await soon(channel.unary_unary("/grpc.health.v1.Health/Guess")(b""))
    assert raised.value.code() is Status.UNIMPLEMENTED


def test_a_servicer_without_a_method_is_refused_at_once() -> None:
    service = health_pb2.DESCRIPTOR.services_by_name["Health"]
    with pytest.raises(AttributeError, match="Check"):
        handlers_for(service, health_pb2, object(), ReplyRoom(MOST_BYTES))


LONG = string_field(15, bytes(100_000))
"""A reply with a field that the health service does not have."""


@pytest.mark.parametrize("rpc", ["check", "watch"])
async def test_long_replies_give_back_their_room(tmp_path: Path, rpc: str) -> None:
    servicer, replies = Servicer(), ReplyRoom(MOST_BYTES)
    servicer.replies = [LONG, LONG]
    async with serving(tmp_path, servicer, replies) as client:
        await soon(replies.take(MOST_BYTES - len(LONG), "other"))
        for _ in range(3):
            await getattr(client, rpc)()


@pytest.mark.parametrize("rpc", ["Check", "Watch"])
async def test_long_replies_wait_for_room(tmp_path: Path, rpc: str) -> None:
    """A call that ends meanwhile takes none."""
    servicer, replies = Servicer(), ReplyRoom(MOST_BYTES)
    servicer.replies = [LONG]
    async with serving(tmp_path, servicer, replies) as client:
        await soon(replies.take(MOST_BYTES, "other"))
        call = getattr(client.stub, rpc)
        given_up, waiting = call(Request()), call(Request())
        await until(lambda: replies.waiting == 2)
        given_up.cancel()
        await until(lambda: replies.waiting == 1)
        replies.give_back(MOST_BYTES, "other")
        reply = waiting if rpc == "Check" else waiting.read()
        assert (await soon(reply)).ByteSize() == len(LONG)
        await until(lambda: replies.waiting == 0)
        waiting.cancel()
