"""The front's end of a socket to a worker: frames on an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.wire import Frame


class Channel:
    """Sends and receives frames over a connected unix socket, which it owns.

    One task may receive at a time; any number may send. A receive that is cancelled half-way
    leaves the stream unusable: whoever cancels closes the channel.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._sending = asyncio.Lock()
        self._users = 0
        self._closed = False

    async def send(self, frame: Frame, fds: Sequence[int] = ()) -> None:
        """Send one frame, with descriptors attached to its first byte.

        Raises:
            BrokenPipeError: the worker is gone.
        """
        data = wire.encode(frame)
        async with self._sending:
            if self._closed:
                raise BrokenPipeError("the channel is closed")
            try:
                with self._in_use():
                    if fds:
                        data = data[await self._send_with_fds(data, fds) :]
                    await asyncio.get_running_loop().sock_sendall(self._sock, data)
            except ConnectionError as error:
                raise BrokenPipeError(str(error)) from None

    async def receive(self) -> Frame | None:
        """The next frame, or None when the worker has ended or closed its end.

        Raises:
            ProtocolError: what came is not a frame.
        """
        prefix = await self._read(wire.PREFIX_SIZE)
        if prefix is None:
            return None
        header_size, body_size = wire.decode_prefix(prefix)
        header = await self._read(header_size)
        body = await self._read(body_size)
        if header is None or body is None:
            return None
        return wire.decode(header, body)

    async def expect(self) -> Frame | None:
        """Like `receive`, but what is not a frame counts as the end, as user code may cause it."""
        try:
            return await self.receive()
        except ProtocolError:
            return None

    @property
    def is_quiet(self) -> bool:
        """Whether the worker has said nothing since the last frame, and has not ended."""
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
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._release()

    def sender_has_ended(self) -> None:
        """Let receives end after what was sent, even when a descendant holds the other end."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._release()

    def _release(self) -> None:
        # Not while the event loop still watches the descriptor: the number would be used again at
        # once, and the next channel would inherit the watch.
        if self._closed and self._users == 0:
            self._sock.close()

    async def _send_with_fds(self, data: bytes, fds: Sequence[int]) -> int:
        while True:
            try:
                return socket.send_fds(self._sock, [data], list(fds))
            except (BlockingIOError, InterruptedError):
                await self._writable()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._sock, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._sock)

    async def _read(self, size: int) -> bytes | None:
        loop = asyncio.get_running_loop()
        data = bytearray(size)
        view = memoryview(data)
        got = 0
        while got < size:
            if self._closed:
                return None
            try:
                with self._in_use():
                    count = await loop.sock_recv_into(self._sock, view[got:])
            except OSError:
                return None
            if count == 0:
                return None
            got += count
        return bytes(data)
