"""Copy bytes between two sockets both ways, at the least cost.

The sockets are read and written by hand: an event costs one `recv` into a buffer that all
connections share and one `send`, and a connection that is idle has no buffer. One end that reads
slowly stops the reading of the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from codeserver.front.passing.connections import Connections
from codeserver.front.passing.frames import AckFilter

_LAST_WORD_SECONDS = 5.0


class Copying:
    """A client and a server whose bytes are copied both ways, until both have ended.

    The end of one way is passed on and leaves the other way open. If the client is lost, both ways
    end. If the server has ended, the client has a few seconds to end, too.

    Args:
        client, server: non-blocking sockets, which are closed in the end.
        client_acks, server_acks: acknowledgements to drop of what each sends.
    """

    def __init__(
        self,
        connections: Connections,
        client: socket.socket,
        server: socket.socket,
        client_acks: int,
        server_acks: int,
    ) -> None:
        self._connections = connections
        self._loop = connections.loop
        self._client = client
        self._server = server
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._up = _Way(connections, client, server, client_acks)
        self._down = _Way(connections, server, client, server_acks)
        self._up.on_end = self._client_ended
        self._up.on_loss = self._up.discard
        self._down.on_end = self._server_ended
        self._down.on_loss = self.close

    def start(self, first: bytes, rest: bytes) -> None:
        """Send what the client has sent before, the first of it without a filter, and go on."""
        self._down.resume()
        self._up.resume()
        self._up.send(first + self._up.filtered(rest))

    def part(self) -> None:
        """Leave the end to the server, which tells the client first."""

    def close(self) -> None:
        """End both ways at once."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for way in (self._up, self._down):
            way.stop()
        for each in (self._client, self._server):
            each.close()
        self._connections.leave(self)

    def _client_ended(self, lost: bool) -> None:
        if lost or self._down.is_over:
            self.close()
        else:
            _end_writing(self._server)

    def _server_ended(self, _lost: bool) -> None:
        if self._up.is_over:
            self.close()
        else:
            _end_writing(self._client)
            self._timer = self._loop.call_later(_LAST_WORD_SECONDS, self.close)


class _Way:
    """One direction."""

    __slots__ = (
        "_buffer",
        "_discards",
        "_filter",
        "_held",
        "_loop",
        "_sink",
        "_source",
        "is_over",
        "on_end",
        "on_loss",
    )

    on_end: Callable[[bool], None]
    on_loss: Callable[[], None]

    def __init__(
        self, connections: Connections, source: socket.socket, sink: socket.socket, drop_acks: int
    ) -> None:
        self._loop = connections.loop
        self._buffer = connections.buffer
        self._source = source
        self._sink = sink
        self._filter = AckFilter(drop_acks) if drop_acks else None
        self._held: memoryview | None = None
        self._discards = False
        self.is_over = False

    def resume(self) -> None:
        """Read the source."""
        self._loop.remove_reader(self._source.fileno())  # uvloop's watch may be over; see `_read`
        self._loop.add_reader(self._source.fileno(), self._read)

    def stop(self) -> None:
        """Read and write no more; for a way that is over or not."""
        self._loop.remove_reader(self._source.fileno())
        self._loop.remove_writer(self._sink.fileno())

    def discard(self) -> None:
        """Read on, and send nothing of it, because the sink takes nothing more."""
        self._discards = True

    def filtered(self, data: bytes | memoryview) -> bytes | memoryview:
        """What is to be sent of the data."""
        if self._filter is None:
            return data
        passed = self._filter.feed(data)
        if not self._filter.count:
            self._filter = None
        return passed

    def send(self, data: bytes | memoryview) -> None:
        """Send all, or as much as the sink takes now, and the rest before anything else."""
        if self._discards or not data:
            return
        try:
            sent = self._sink.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.on_loss()
            return
        if sent < len(data):
            self._held = memoryview(bytes(data[sent:]))
            self._loop.remove_reader(self._source.fileno())
            self._loop.add_writer(self._sink.fileno(), self._write)

    def _read(self) -> None:
        # A server that ends with bytes unread resets the connection, and its last words are still
        # to be read. uvloop reports a reset once, and then watches the socket no longer.
        is_reset = self._source.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
        try:
            count = self._source.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            count = -1
        except OSError:
            self._end(lost=True)
            return
        if count > 0:
            data = self._buffer[:count]
            self.send(data if self._filter is None else self.filtered(data))
        elif count == 0:
            self._read_end(lost=is_reset)
        if is_reset:
            self._loop.call_soon(self._resume_if_open)

    def _read_end(self, *, lost: bool) -> None:
        if self._filter is not None and (head := self._filter.end()):
            self._filter = None
            self.send(head)  # the end is read again
        else:
            self._end(lost=lost)

    def _resume_if_open(self) -> None:
        if self._source.fileno() >= 0 and self._held is None and not self.is_over:
            self.resume()

    def _write(self) -> None:
        assert self._held is not None
        try:
            sent = self._sink.send(self._held)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            sent = len(self._held)
            self.on_loss()
            if not self._discards:
                return
        self._held = self._held[sent:]
        if not self._held:
            self._held = None
            self._loop.remove_writer(self._sink.fileno())
            self.resume()

    def _end(self, *, lost: bool) -> None:
        self._loop.remove_reader(self._source.fileno())
        self.is_over = True
        self.on_end(lost)


def _end_writing(sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
