"""The front's end of a socket to a worker: messages on an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Sequence
from typing import Any, TypeVar, overload

from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.system.sockets import FIRST_WITH_FILES, KEEPS_UNREAD
from codeserver.wire import Message

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)
C = TypeVar("C", bound=Message)
D = TypeVar("D", bound=Message)

_READ_SIZE = 1 << 16
_MOST_AT_ONCE = 1 << 20
"""The most bytes that are read before other tasks have their turn."""

_PAUSE = 0.01


class Channel:
    """Sends and receives messages over a connected unix socket, which it owns.

    One task may receive at a time; any number may send. A send that is cancelled half-way leaves
    the stream unusable, so the canceller has to close the channel.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._sending = asyncio.Lock()
        self._is_sending = False
        self._closed = False
        self._read = bytearray()
        self._missing = wire.PREFIX_SIZE
        self._has_ended = False
        self._watcher: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Future[None] | None = None

    async def send(
        self, message: Message, fds: Sequence[int] = (), timeout: float | None = None
    ) -> None:
        """Send one message, with descriptors attached to its first byte.

        Raises:
            BrokenPipeError: the worker has ended.
            asyncio.TimeoutError: the worker has not read it within `timeout` seconds.
        """
        data = wire.encode(message)
        async with self._sending:
            if self._closed:
                raise BrokenPipeError("the channel is closed")
            self._is_sending = True
            try:
                sent = await self._send_with_fds(data, fds) if fds else self._send_now(data)
                if sent < len(data):
                    rest = memoryview(data)[sent:]
                    sending = asyncio.get_running_loop().sock_sendall(self._sock, rest)
                    await asyncio.wait_for(sending, timeout)
            except ConnectionError as error:
                raise BrokenPipeError(str(error)) from None
            finally:
                self._is_sending = False
                self._release()

    async def receive(self, timeout: float | None = None) -> Message | None:
        """Receive the next message; None if the worker has ended or closed its end.

        Raises:
            ProtocolError: the received bytes are not a message.
            asyncio.TimeoutError: no message came within `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._closed:
            if (message := self._take()) is not None:
                return message
            if self._has_ended:
                break
            await self._more(None if deadline is None else deadline - time.monotonic())
        return None

    @overload
    async def expect(self, a: type[A], /, *, timeout: float | None = None) -> A | None: ...

    @overload
    async def expect(
        self, a: type[A], b: type[B], /, *, timeout: float | None = None
    ) -> A | B | None: ...

    @overload
    async def expect(
        self, a: type[A], b: type[B], c: type[C], /, *, timeout: float | None = None
    ) -> A | B | C | None: ...

    @overload
    async def expect(
        self, a: type[A], b: type[B], c: type[C], d: type[D], /, *, timeout: float | None = None
    ) -> A | B | C | D | None: ...

    async def expect(self, *classes: type[Any], timeout: float | None = None) -> Any:
        """Receive a message of one of these classes.

        Anything else counts as the end and returns None, because user code may cause it.
        """
        try:
            message = await self.receive(timeout)
        except ProtocolError:
            return None
        return message if isinstance(message, classes) else None

    @property
    def is_quiet(self) -> bool:
        """Whether the worker has sent nothing since the last message, and has not ended."""
        if self._read or self._has_ended:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Close this end: the worker sees the end of its input, and a waiting receive ends."""
        if self._closed:
            return
        self._closed = True
        self._unwatch()
        self._wake()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._release()

    def sender_has_ended(self) -> None:
        """End the input after the bytes sent so far, even if a descendant holds the other end."""
        if self._closed:
            return
        if not KEEPS_UNREAD:
            self._read_all()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def _read_all(self) -> None:
        """Read what the sender has left, because the end of the input would throw it away."""
        with contextlib.suppress(OSError):  # there is no more now
            while chunk := self._sock.recv(_READ_SIZE):
                self._read += chunk
        self._has_ended = True
        self._unwatch()
        self._wake()

    def _release(self) -> None:
        # Not while the event loop still watches the descriptor: the number is used again at once,
        # and the next channel would inherit the watch.
        if self._closed and not self._is_sending:
            self._sock.close()

    def _send_now(self, data: bytes) -> int:
        """Send as much as the socket takes, which is nearly always all; return the count."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    async def _send_with_fds(self, data: bytes, fds: Sequence[int]) -> int:
        while True:
            try:
                return socket.send_fds(self._sock, [data[:FIRST_WITH_FILES]], list(fds))
            except (BlockingIOError, InterruptedError):
                await self._writable()
            except OSError as error:
                # Only elsewhere than on Linux: what was sent before leaves no room for them.
                if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS) or FIRST_WITH_FILES is None:
                    raise
                await asyncio.sleep(_PAUSE)

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._sock, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._sock)

    def _take(self) -> Message | None:
        """Take the first message from the buffer; None if it is not complete."""
        if len(self._read) < self._missing:
            return None
        header_size, body_size = wire.decode_prefix(bytes(self._read[: wire.PREFIX_SIZE]))
        body_at = wire.PREFIX_SIZE + header_size
        self._missing = body_at + body_size
        if len(self._read) < self._missing:
            return None
        with memoryview(self._read) as read:
            header = bytes(read[wire.PREFIX_SIZE : body_at])
            body = bytes(read[body_at : self._missing])
        del self._read[: self._missing]
        self._missing = wire.PREFIX_SIZE
        return wire.decode(header, body)

    async def _more(self, timeout: float | None) -> None:
        """Wait until the missing bytes are read, or the input has ended."""
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        timer = None if timeout is None else loop.call_later(max(0.0, timeout), _give_up, waiting)
        try:
            self._watch(loop)
            await waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._watcher is None:
            self._watcher = loop
            loop.add_reader(self._sock, self._readable)

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.remove_reader(self._sock)
            self._watcher = None

    def _readable(self) -> None:
        """Read the missing bytes, if a receiver waits for them."""
        if self._waiting is None:
            self._unwatch()  # unread bytes would wake the event loop again and again
            return
        most = len(self._read) + _MOST_AT_ONCE
        # A worker that ends with orders unread resets the connection. uvloop reports that once, and
        # never calls again, so all that was sent before is read now.
        is_reset = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        while is_reset or len(self._read) < min(self._missing, most):
            try:
                chunk = self._sock.recv(_READ_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                chunk = b""
            if not chunk:
                self._has_ended = True
                self._unwatch()
                break
            self._read += chunk
        if self._has_ended or len(self._read) >= self._missing:
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def _give_up(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(asyncio.TimeoutError())
