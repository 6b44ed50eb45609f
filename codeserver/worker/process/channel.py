"""The worker's end of a socket to the front: blocking, with descriptors attached to messages."""

from __future__ import annotations

import array
import contextlib
from collections.abc import Sequence
from typing import TypeVar

from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.system.sockets import FIRST_WITH_FILES
from codeserver.wire import Message
from codeserver.worker.process.originals import os, socket

M = TypeVar("M", bound=Message)

MOST_FDS = 8
_FD_SIZE = array.array("i").itemsize


class Channel:
    """Sends and receives messages over a connected unix socket."""

    def __init__(self, sock: socket.socket) -> None:
        # User code may have set a default timeout for sockets, but this one may wait for days.
        sock.settimeout(None)
        self._sock = sock

    @classmethod
    def from_fd(cls, fd: int) -> Channel:
        """The channel over an inherited descriptor."""
        # Processes that user code starts must not hold this socket open: the front takes its end
        # for the end of this process.
        os.set_inheritable(fd, False)
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self._sock.fileno()

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send one message; block until the kernel has accepted it.

        Args:
            message: the message.
            fds: descriptors that the receiver gets duplicates of; at most `MOST_FDS`.

        Raises:
            OSError: the front is gone.
        """
        data = wire.encode(message)
        sent = socket.send_fds(self._sock, [data[:FIRST_WITH_FILES]], list(fds)) if fds else 0
        self._sock.sendall(memoryview(data)[sent:])

    def expect(self, expected: type[M]) -> M | None:
        """The next message, of the expected class; None if the front has closed its end.

        Raises:
            ProtocolError: it is of another class.
        """
        message = self.receive()
        if message is None or isinstance(message, expected):
            return message
        raise ProtocolError(f"{expected.__name__} was to come, not {type(message).__name__}")

    def receive(self) -> Message | None:
        """The next message; None if the front has closed its end."""
        received = self.receive_with_fds()
        if received is None:
            return None
        for fd in received[1]:
            socket.close(fd)
        return received[0]

    def receive_with_fds(self) -> tuple[Message, list[int]] | None:
        """The next message and the descriptors sent with it; None if the front has closed its end.

        The kernel does not merge data across attached descriptors, and no read goes beyond one
        frame. So descriptors always arrive with their frame.
        """
        fds: list[int] = []
        prefix = self._read(wire.PREFIX_SIZE, fds)
        if prefix is None:
            return None
        header_size, body_size = wire.decode_prefix(prefix)
        header = self._read(header_size, fds)
        body = self._read(body_size, fds)
        if header is None or body is None:
            return None
        return wire.decode(header, body), fds

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def _read(self, size: int, fds: list[int]) -> bytes | None:
        data = bytearray(size)
        view = memoryview(data)
        got = 0
        while got < size:
            try:
                count, ancillary, _, _ = self._sock.recvmsg_into(
                    [view[got:]], socket.CMSG_SPACE(MOST_FDS * _FD_SIZE)
                )
            except ConnectionResetError:
                return None
            for level, kind, payload in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    received = array.array("i")
                    received.frombytes(payload[: len(payload) - len(payload) % _FD_SIZE])
                    for fd in received:
                        os.set_inheritable(fd, False)
                    fds.extend(received)
            if count == 0:
                return None
            got += count
        return bytes(data)
