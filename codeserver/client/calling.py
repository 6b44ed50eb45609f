"""Make calls, blocking ones and asynchronous ones, and raise our errors when they fail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, TypeVar

from codeserver.client import channels
from codeserver.client.addresses import grpc_target
from codeserver.client.rpcs import PageRequest, PageResponse, Request, Response, Stream, Unary
from codeserver.client.translation import translated

if TYPE_CHECKING:
    import grpc
    import grpc.aio

_PageRequest = TypeVar("_PageRequest", bound=PageRequest)
_PageResponse = TypeVar("_PageResponse", bound=PageResponse)


class Calls:
    """Calls that block.

    Args:
        address: of the server; see `codeserver.connect`.
        timeout: seconds that a call may take when it has no timeout of its own.

    Attributes:
        address: of the server, as gRPC takes it.
        channel: the gRPC channel, for other services of the server.
    """

    channel: grpc.Channel

    def __init__(self, address: str, timeout: float | None) -> None:
        import grpc

        self.address = grpc_target(address)
        self._timeout = timeout
        self.channel = grpc.insecure_channel(self.address, channels.options(self.address))

    def limit(self, timeout: float | None) -> float | None:
        """Seconds that a call with this timeout may take."""
        return channels.limit(timeout, self._timeout)

    def call(
        self, rpc: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        """The response to one request."""
        import grpc

        limit = self.limit(timeout)
        method = self.channel.unary_unary(rpc.path, rpc.encode, rpc.decode)
        try:
            return method(request, timeout=limit)
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self.address, limit) from None

    def stream(
        self, rpc: Stream[Request, Response], request: Request, limit: float | None
    ) -> Generator[Response, None, None]:
        """The responses to one request; closing the generator ends the call."""
        import grpc

        method = self.channel.unary_stream(rpc.path, rpc.encode, rpc.decode)
        call = method(request, timeout=limit)
        try:
            yield from call
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self.address, limit) from None
        finally:
            call.cancel()

    def pages(
        self, rpc: Unary[_PageRequest, _PageResponse], request: _PageRequest, timeout: float | None
    ) -> Generator[_PageResponse, None, None]:
        """All pages of a list, each under the timeout."""
        while True:
            page = self.call(rpc, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


class AsyncCalls:
    """Calls that are awaited; see `Calls`."""

    channel: grpc.aio.Channel

    def __init__(self, address: str, timeout: float | None) -> None:
        import grpc.aio

        self.address = grpc_target(address)
        self._timeout = timeout
        self.channel = grpc.aio.insecure_channel(self.address, channels.options(self.address))

    def limit(self, timeout: float | None) -> float | None:
        """Seconds that a call with this timeout may take."""
        return channels.limit(timeout, self._timeout)

    async def call(
        self, rpc: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        """The response to one request."""
        import grpc

        limit = self.limit(timeout)
        method = self.channel.unary_unary(rpc.path, rpc.encode, rpc.decode)
        try:
            return await method(request, timeout=limit)
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self.address, limit) from None

    async def stream(
        self, rpc: Stream[Request, Response], request: Request, limit: float | None
    ) -> AsyncGenerator[Response, None]:
        """The responses to one request; closing the generator ends the call."""
        import grpc

        method = self.channel.unary_stream(rpc.path, rpc.encode, rpc.decode)
        call = method(request, timeout=limit)
        try:
            async for response in call:
                yield response
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self.address, limit) from None
        finally:
            call.cancel()

    async def pages(
        self, rpc: Unary[_PageRequest, _PageResponse], request: _PageRequest, timeout: float | None
    ) -> AsyncGenerator[_PageResponse, None]:
        """All pages of a list, each under the timeout."""
        while True:
            page = await self.call(rpc, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
