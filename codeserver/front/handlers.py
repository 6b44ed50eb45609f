"""Turn an object with a method per RPC into gRPC handlers, and exceptions into statuses."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from codeserver import errors
from codeserver.front import rich_errors
from codeserver.front.access.rule import Check, Rule
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

Context = grpc.aio.ServicerContext[Any, Any]


def handlers_for(
    service: ServiceDescriptor,
    messages: Any,
    servicer: object,
    replies: ReplyRoom,
    rule: Rule,
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
    handlers = {}
    for rpc in service.methods:
        method = getattr(servicer, rpc.name)
        takes_bytes = getattr(method, "takes_bytes", False)
        if (check := rule.check_of(rpc.name)) is not None:
            method = _checked(method, check, is_stream=rpc.server_streaming)
        request = getattr(messages, rpc.input_type.name)
        make, wrap = (
            (grpc.unary_stream_rpc_method_handler, _stream)
            if rpc.server_streaming
            else (grpc.unary_unary_rpc_method_handler, _unary)
        )
        handlers[rpc.name] = make(
            wrap(method, rpc.name, replies),
            request_deserializer=None if takes_bytes else request.FromString,
            response_serializer=_serialize,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


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


def _checked(method: Any, check: Check, *, is_stream: bool) -> Any:
    """A method that refuses calls of callers that may not make them."""

    @functools.wraps(method)
    async def unary(request: Any, context: Context) -> Any:
        check(context)
        return await method(request, context)

    @functools.wraps(method)
    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        check(context)
        async for reply in method(request, context):
            yield reply

    return stream if is_stream else unary


def _serialize(reply: Message | bytes) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


def _size(reply: Message | bytes) -> int:
    return len(reply) if isinstance(reply, bytes) else reply.ByteSize()


def _unary(method: Callable[[Any, Context], Awaitable[Any]], name: str, replies: ReplyRoom) -> Any:
    @functools.wraps(method)
    async def handle(request: Any, context: Context) -> Any:
        try:
            reply = await method(request, context)
            if (size := _size(reply)) > SHORT:
                await replies.take(size)
                _when_over(context, functools.partial(replies.give_back, size))
            return reply
        except Exception as error:
            await _abort(error, name, context)

    return handle


def _when_over(context: Any, act: Callable[[], None]) -> None:
    """Call `act` when the client has read its reply or has gone away."""
    if context.cancelled():
        act()
    else:
        context.add_done_callback(lambda _: act())


def _stream(
    method: Callable[[Any, Context], AsyncIterator[Any]], name: str, replies: ReplyRoom
) -> Any:
    @functools.wraps(method)
    async def handle(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for reply in method(request, context):
                if (size := _size(reply)) <= SHORT:
                    yield reply
                    continue
                await replies.take(size)
                try:
                    yield reply
                finally:
                    replies.give_back(size)
        except Exception as error:
            await _abort(error, name, context)

    return handle


async def _abort(error: Exception, name: str, context: Context) -> None:
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            text = str(error)
            if isinstance(error, errors.WorkerCrashed):
                text = text.partition("\n")[0]  # the rest is the worker's output, in the details
            message = _shortened(text)
            details = rich_errors.trailing_metadata(error, status, message)
            await context.abort(status, message, (*context.trailing_metadata(), *details))
    if isinstance(error, grpc.aio.AbortError):
        raise error
    _log.error("%s failed; this is a defect of codeserver", name, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, _shortened(f"{name} failed: {error!r}"))


def _shortened(details: str) -> str:
    return details.encode(errors="replace")[:_LONGEST_DETAILS].decode(errors="ignore")
