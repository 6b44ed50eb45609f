"""A limit for the bytes of long replies under way to clients.

gRPC holds a copy of a reply until the client has read it. Without a limit, a client that makes a
thousand calls and never reads would fill the memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field

from codeserver.front.freeing import Freeing

SHORT = 64 * 1024
"""Bytes. Replies up to this size do not count."""


class ReplyRoom:
    """Room for replies, granted in order of arrival. A reply alone has room at any size.

    One host gets at most half of it, so that a client that reads nothing stops no other host.

    Args:
        most: the bytes of replies under way. Further replies wait.

    Attributes:
        freeing: is told of the end of each reply.
    """

    def __init__(self, most: int) -> None:
        self.freeing = Freeing()
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    @property
    def waiting(self) -> int:
        """Number of replies that wait for room."""
        return len(self._waiting)

    async def take(self, size: int, host: str) -> None:
        """Wait for room for `size` bytes to a host, which the caller must give back."""
        if not self._waits(host) and self._fits(size, host):
            self._under_way[host] += size
            return
        waiting = _Waiting(size, host)
        self._waiting.append(waiting)
        try:
            await waiting.granted
        except BaseException:
            if waiting.granted.cancelled():
                self._waiting.remove(waiting)
                self._grant()
            else:  # granted at the moment of the cancellation
                self.give_back(size, host)
            raise

    def give_back(self, size: int, host: str) -> None:
        """Release the room of a reply that was read or will never be."""
        self._under_way[host] -= size
        if not self._under_way[host]:
            del self._under_way[host]
        self._grant()
        self.freeing.soon()

    def _waits(self, host: str) -> bool:
        """Whether a reply waits that should go before one to this host."""
        return any(each.host == host or self._may(each) for each in self._waiting)

    def _may(self, waiting: _Waiting) -> bool:
        """Whether nothing but the room of all is missing for it."""
        own = self._under_way[waiting.host]
        return not own or own + waiting.size <= self._most // 2

    def _fits(self, size: int, host: str) -> bool:
        own, all_hosts = self._under_way[host], self._under_way.total()
        if own and own + size > self._most // 2:
            return False
        return not all_hosts or all_hosts + size <= self._most

    def _grant(self) -> None:
        for waiting in [*self._waiting]:
            if self._fits(waiting.size, waiting.host):
                self._waiting.remove(waiting)
                self._under_way[waiting.host] += waiting.size
                waiting.granted.set_result(None)
            elif self._may(waiting):
                return  # it is next, however long it is


@dataclass(eq=False)
class _Waiting:
    size: int
    host: str
    granted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
