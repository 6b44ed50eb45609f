"""Both clients, and what they may meet: a scripted typed API, and other listeners."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.client import connect, connect_async
from tests.support.eventually import PATIENCE
from tests.unit.waiting import soon

Ask = Callable[[Any], Any]
"""Calls a method of a client; the same for both clients."""

SERVICE = pb.DESCRIPTOR.services_by_name["CodeLocationService"]


async def blocking(address: str, ask: Ask, most: int | None = None, location: str = "") -> Any:
    """Answer of the blocking client; of several items, no more than `most`."""
    with connect(address, location=location) as client:
        answer = ask(client)
        if not inspect.isgenerator(answer):
            return answer
        with contextlib.closing(answer):
            return list(itertools.islice(answer, most))


async def asynchronous(address: str, ask: Ask, most: int | None = None, location: str = "") -> Any:
    """Answer of the asynchronous client, likewise."""

    async def items(answer: Any) -> list[Any]:
        found = []
        async with contextlib.aclosing(answer):
            async for each in answer:
                found.append(each)
                if len(found) == most:
                    break
        return found

    async with connect_async(address, location=location) as client:
        answer = ask(client)
        return await soon(items(answer) if inspect.isasyncgen(answer) else answer)


each_client = pytest.mark.parametrize("answer", [blocking, asynchronous])


@dataclass
class TypedApi:
    """A server whose replies a test sets.

    Attributes:
        address: where it listens.
        replies: messages by the name of the RPC: one after the other for a stream, and for calls
            in a row.
        failure: what every call ends with instead, after the replies that there are.
        requests: what was asked.
        timeouts: seconds that each call had left.
        ended: set when a stream's caller has gone.
    """

    address: str = ""
    replies: dict[str, list[Message]] = field(default_factory=dict)
    failure: tuple[grpc.StatusCode, str, Sequence[tuple[str, bytes]]] | None = None
    requests: list[Message] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def fail(self, code: grpc.StatusCode, message: str, *details: Message | bytes) -> None:
        """Have calls fail, with these details; bytes are the whole of them."""
        metadata = []
        for each in details:
            if isinstance(each, bytes):
                metadata.append(("grpc-status-details-bin", each))
        messages = [each for each in details if not isinstance(each, bytes)]
        if messages:
            status = Status(code=code.value[0], message=message, details=map(packed, messages))
            metadata.append(("grpc-status-details-bin", status.SerializeToString()))
        self.failure = (code, message, metadata)

    def unary(self, name: str, request: Message, context: grpc.ServicerContext) -> Message:
        """Answer one call."""
        self._note(request, context)
        self._maybe_fail(context)
        return self.replies[name].pop(0)

    def stream(
        self, name: str, request: Message, context: grpc.ServicerContext
    ) -> Iterator[Message]:
        """Answer one call with everything that there is; watchers are left to wait for more."""
        self._note(request, context)
        context.add_callback(self.ended.set)
        yield from self.replies.get(name, [])
        self._maybe_fail(context)
        if name == "WatchLocation":
            self.ended.wait(PATIENCE)

    def _note(self, request: Message, context: grpc.ServicerContext) -> None:
        copy = type(request)()
        copy.CopyFrom(request)
        self.requests.append(copy)
        self.timeouts.append(context.time_remaining())

    def _maybe_fail(self, context: grpc.ServicerContext) -> None:
        if self.failure is not None:
            code, message, metadata = self.failure
            context.set_trailing_metadata(tuple(metadata))
            context.abort(code, message)


def packed(message: Message) -> AnyMessage:
    found = AnyMessage()
    found.Pack(message)
    return found


@contextlib.contextmanager
def typed_api() -> Iterator[TypedApi]:
    """A server of the typed API on a free port."""
    api = TypedApi()
    handlers: dict[str, Any] = {}
    for rpc in SERVICE.methods:
        make = grpc.unary_unary_rpc_method_handler
        method: Any = api.unary
        if rpc.server_streaming:
            make, method = grpc.unary_stream_rpc_method_handler, api.stream
        handlers[rpc.name] = make(
            _named(method, rpc.name),
            request_deserializer=getattr(pb, rpc.input_type.name).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
    with serving(grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)) as address:
        api.address = address
        yield api


def _named(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda request, context: method(name, request, context)


@contextlib.contextmanager
def serving(*handlers: grpc.GenericRpcHandler) -> Iterator[str]:
    """A gRPC server with these services; gives its address."""
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(
            threads,
            handlers=handlers,
            options=[("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)],
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait(PATIENCE)


@contextlib.contextmanager
def listener(
    *replies: bytes, closes: bool = True, path: str = "", until: bytes = b""
) -> Iterator[Heard]:
    """Something that listens, and says this to everyone who says something.

    Args:
        replies: what it says, in so many pieces.
        closes: whether it closes the connection then; else it reads on.
        path: of a unix socket to listen at, instead of a port.
        until: what must be heard before anything but the first piece is said.
    """
    if path:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        address = f"unix:{path}"
    else:
        listening = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    heard = Heard(address)
    thread = threading.Thread(target=_answer, args=(listening, replies, closes, until, heard))
    thread.start()
    try:
        yield heard
    finally:
        heard.is_over = True
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        for connection in list(heard.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        listening.close()


@dataclass
class Heard:
    """A listener.

    Attributes:
        address: where it listens.
        data: all that it was told.
    """

    address: str
    data: bytes = b""
    connections: list[socket.socket] = field(default_factory=list)
    is_over: bool = False


def _answer(
    listening: socket.socket, replies: Sequence[bytes], closes: bool, until: bytes, heard: Heard
) -> None:
    while not heard.is_over:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        heard.connections.append(connection)
        with connection, contextlib.suppress(OSError):
            heard.data += connection.recv(65536)
            for number, part in enumerate(replies):
                while number and until not in heard.data:
                    heard.data += connection.recv(65536)
                connection.sendall(part)
            if closes:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                heard.data += part
