"""Turn an object with a method per RPC into gRPC handlers, and exceptions into statuses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from codeserver import errors
from codeserver.front import rich_errors
from codeserver.front.access.few import Few, host_of
from codeserver.front.access.roles import NEEDED, Role
from codeserver.front.access.rule import EVERYTHING, Check, Rule
from codeserver.front.reply_room import SHORT, ReplyRoom
from codeserver.supervisor.loading.failure import NotLoaded

_log = logging.getLogger("codeserver")

_STATUSES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (errors.InvalidRequest, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.NotAuthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.NotPermitted, grpc.StatusCode.PERMISSION_DENIED),
    (errors.RequestTimeout, grpc.StatusCode.DEADLINE_EXCEEDED),
    (errors.Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Draining, grpc.StatusCode.UNAVAILABLE),
    (errors.NoSuchLocation, grpc.StatusCode.UNAVAILABLE),
    (errors.StillLoading, grpc.StatusCode.UNAVAILABLE),
    (errors.WorkerCrashed, grpc.StatusCode.INTERNAL),
    (NotLoaded, grpc.StatusCode.FAILED_PRECONDITION),
)

_LONGEST_DETAILS = 1000
"""Bytes. Details travel in a header, where text that is not ASCII takes three times as much, and
clients refuse headers over 8 KiB.
"""

LONGEST_READ = 1 << 20
"""Bytes. The longest request of an RPC that only reads the definitions."""

_STRANGER_SECONDS = 20.0
"""For the request of a caller who shows no token."""

_ECHOES = frozenset({"Ping", "Heartbeat", "StreamingPing"})
"""These may be as long as any, as with Dagster's server."""

Context = grpc.aio.ServicerContext[Any, Any]


def handlers_for(
    service: ServiceDescriptor,
    messages: Any,
    servicer: object,
    replies: ReplyRoom,
    rule: Rule = EVERYTHING,
) -> grpc.GenericRpcHandler:
    """Handlers for every RPC of a service.

    Args:
        service: its descriptor.
        messages: the generated module that has its message classes.
        servicer: has one method per RPC, of the same name: a coroutine function for a unary reply,
            an asynchronous generator for a stream. Replies are messages or serialized messages. A
            method with a true attribute `takes_bytes` gets the request as bytes.
        replies: bounds the bytes of replies under way.
        rule: who may call what.
    """
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    few = Few()
    for rpc in service.methods:
        method = getattr(servicer, rpc.name)
        request = getattr(messages, rpc.input_type.name)
        call = _Call(
            rpc.name,
            method,
            bytes if getattr(method, "takes_bytes", False) else partial(decoded, request),
            LONGEST_READ if NEEDED.get(rpc.name) is Role.READ and rpc.name not in _ECHOES else None,
            replies,
        )
        handle = call.stream if rpc.server_streaming else call.unary
        if rule.checks or rule.check_of(rpc.name):
            handle = _guarded(handle, call, rule, few, is_stream=rpc.server_streaming)
            make = _MAKERS[True, rpc.server_streaming]
        else:
            make = _MAKERS[False, rpc.server_streaming]
        handlers[rpc.name] = make(handle, response_serializer=_serialize)
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


_MAKERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""Makers of handlers, by whether the calls are checked, and whether replies are streams.

A handler of streams of requests is called before the first request is received, so a caller that is
refused cannot have the server receive anything.
"""


def decoded(kind: Any, request: bytes) -> Any:
    """The message of this class that a request is.

    Raises:
        InvalidRequest: it is none. gRPC itself would answer that the server is at fault.
    """
    try:
        return kind.FromString(request)
    except DecodeError as error:
        raise errors.InvalidRequest(f"The request cannot be read: {error}") from None


class Forwarding:
    """A servicer that has another one answer each call.

    Args:
        kind: the class of the others.
        find: returns the one for a request; its errors become statuses, too.
    """

    def __init__(self, kind: type, find: Callable[[Any], object]) -> None:
        self._kind = kind
        self._find = find

    def __getattr__(self, rpc: str) -> Callable[[Any, Context], Any]:
        def method(request: Any, context: Context) -> Any:
            return getattr(self._find(request), rpc)(request, context)

        method.takes_bytes = getattr(getattr(self._kind, rpc), "takes_bytes", False)  # type: ignore[attr-defined]
        return method


def _guarded(handle: Any, call: _Call, rule: Rule, few: Few, *, is_stream: bool) -> Any:
    """A handler that refuses calls of callers that may not make them, before it takes a request.

    Where nobody has to show a token, it counts the calls.
    """
    check = rule.check_of(call.name)

    async def admitted(context: Any, stack: contextlib.ExitStack) -> bytes:
        try:
            if check is not None:
                check(context)
                return _request(await context.read())
            stack.enter_context(few.counted(context))
            return _request(await asyncio.wait_for(context.read(), _STRANGER_SECONDS))
        except asyncio.TimeoutError:
            await _abort(errors.RequestTimeout("No request has come."), call.name, context)
        except Exception as error:
            await _abort(error, call.name, context)
        return b""

    async def unary(_: object, context: Context) -> Any:
        with contextlib.ExitStack() as stack:
            return await handle(await admitted(context, stack), context)

    async def stream(_: object, context: Context) -> AsyncIterator[Any]:
        with contextlib.ExitStack() as stack:
            async for reply in handle(await admitted(context, stack), context):
                yield reply

    return stream if is_stream else unary


def _request(received: object) -> bytes:
    return received if isinstance(received, bytes) else b""  # the client has ended without one


def checked_stream(method: Any, name: str, check: Check) -> Any:
    """A method that takes a stream of requests, and refuses callers that may not call it."""

    async def stream(requests: Any, context: Context) -> AsyncIterator[Any]:
        try:
            check(context)
        except Exception as error:
            await _abort(error, name, context)
        async for reply in method(requests, context):
            yield reply

    return stream


def _serialize(reply: Message | bytes) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


def _size(reply: Message | bytes) -> int:
    return len(reply) if isinstance(reply, bytes) else reply.ByteSize()


@dataclass(frozen=True)
class _Call:
    """Handles the calls of one RPC.

    Attributes:
        name: of the RPC.
        method: the method of the servicer.
        decode: makes what the method takes from a request.
        longest: the longest request, in bytes; None for what the server takes at all.
        replies: bounds the bytes of replies under way.
    """

    name: str
    method: Callable[[Any, Context], Any]
    decode: Callable[[bytes], Any]
    longest: int | None
    replies: ReplyRoom

    async def unary(self, request: bytes, context: Context) -> Any:
        """The reply."""
        if len(request) > SHORT:
            _when_over(context, self.replies.freeing.soon)
        try:
            reply = await self.method(self._decoded(request), context)
            if (size := _size(reply)) > SHORT:
                host = host_of(context)
                await self.replies.take(size, host)
                _when_over(context, partial(self.replies.give_back, size, host))
            return reply
        except Exception as error:
            del request
            await _abort(error, self.name, context)

    async def stream(self, request: bytes, context: Context) -> AsyncIterator[Any]:
        """The replies."""
        if len(request) > SHORT:
            _when_over(context, self.replies.freeing.soon)
        try:
            async for reply in self.method(self._decoded(request), context):
                if (size := _size(reply)) <= SHORT:
                    yield reply
                    continue
                host = host_of(context)
                await self.replies.take(size, host)
                try:
                    yield reply
                finally:
                    self.replies.give_back(size, host)
        except Exception as error:
            del request
            await _abort(error, self.name, context)

    def _decoded(self, request: bytes) -> Any:
        if self.longest is not None and len(request) > self.longest:
            raise errors.Overloaded(
                f"A request of {self.name} may have {self.longest} bytes; this one has "
                f"{len(request)}."
            )
        return self.decode(request)


def _when_over(context: Any, act: Callable[[], None]) -> None:
    """Call `act` when the client has read its reply or has gone away."""
    if context.cancelled():
        act()
    else:
        context.add_done_callback(lambda _: act())


async def _abort(error: Exception, name: str, context: Context) -> None:
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            text = str(error)
            if isinstance(error, errors.WorkerCrashed):
                text = text.partition("\n")[0]  # the rest is the worker's output, in the details
            message = _shortened(text)
            _forget_frames(error)
            details = rich_errors.trailing_metadata(error, status, message)
            await context.abort(status, message, (*context.trailing_metadata(), *details))
    if isinstance(error, grpc.aio.AbortError):
        raise error
    _log.error("%s failed; this is a defect of codeserver", name, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, _shortened(f"{name} failed: {error!r}"))


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what the frames of an error have, such as the request.

    gRPC keeps the error of an aborted call in a circle, which the garbage collector may find late.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _shortened(details: str) -> str:
    return details.encode(errors="replace")[:_LONGEST_DETAILS].decode(errors="ignore")
