"""A gRPC server that no call can end.

From grpcio 1.84 on, the loop that takes calls decodes the path of each. A path that is not UTF-8
ends that loop, and so the server, before a handler has seen the call. So each path that is served
is registered here, which gRPC compares as bytes, and calls of all others are refused unread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

_Plain: Any = cygrpc.AioServer
_IS_AT_RISK = hasattr(_Plain, "_make_request_call_future")


class _Sturdy(_Plain):  # type: ignore[misc]
    """gRPC's own, but for the calls of paths that are not served."""

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Register the paths of these handlers."""
        for each in handlers:
            self.add_registered_method_handlers(each._method_handlers)

    def add_registered_method_handlers(self, handlers: Mapping[str, Any]) -> None:
        """Register paths, each only once: gRPC's generated code does it a second time."""
        known: set[str] = self.__dict__.setdefault("known", set())
        new = {path: handler for path, handler in handlers.items() if path not in known}
        known.update(new)
        super().add_registered_method_handlers(new)

    def _make_request_call_future(self, path: bytes | None) -> asyncio.Future[Any]:
        if path is not None:
            found: asyncio.Future[Any] = super()._make_request_call_future(path)
            return found
        return asyncio.get_running_loop().create_task(self._refuse_others())

    async def _refuse_others(self) -> None:
        """Refuse calls of paths that are not registered, until the server stops."""
        refusing: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        while True:
            task = loop.create_task(_refuse(await self._request_call()))
            refusing.add(task)
            task.add_done_callback(refusing.discard)


async def _refuse(call: Any) -> None:
    context = cygrpc._ServicerContext(call, None, None, asyncio.get_running_loop())
    with contextlib.suppress(Exception):  # the abort itself, and a client that is gone
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def aio_server(**settings: Any) -> grpc.aio.Server:
    """`grpc.aio.server` with these settings."""
    if not _IS_AT_RISK:
        return grpc.aio.server(**settings)
    cygrpc.AioServer = _Sturdy
    try:
        return grpc.aio.server(**settings)
    finally:
        cygrpc.AioServer = _Plain
