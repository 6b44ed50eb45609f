"""A limit for the bytes of long replies under way to clients.

gRPC holds a copy of a reply until the client has read it. Without a limit, a client that makes a
thousand calls and never reads would fill the memory.
"""

from __future__ import annotations

import asyncio
from collections import deque

from codeserver.front.freeing import Freeing

SHORT = 64 * 1024
"""Bytes. Replies up to this size do not count."""


class ReplyRoom:
    """Room for replies, granted in order of arrival. A reply alone has room at any size.

    Args:
        most: the bytes of replies under way. Further replies wait.

    Attributes:
        freeing: is told of the end of each reply.
    """

    def __init__(self, most: int) -> None:
        self.freeing = Freeing()
        self._most = most
        self._under_way = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """Number of replies that wait for room."""
        return len(self._waiting)

    async def take(self, size: int) -> None:
        """Wait for room for `size` bytes, which the caller must give back."""
        if not self._waiting and self._fits(size):
            self._under_way += size
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, granted))
        try:
            await granted
        except BaseException:
            if granted.cancelled():
                self._waiting.remove((size, granted))
                self._grant()
            else:  # granted at the moment of the cancellation
                self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        """Release the room of a reply that was read or will never be."""
        self._under_way -= size
        self._grant()
        self.freeing.soon()

    def _fits(self, size: int) -> bool:
        return not self._under_way or self._under_way + size <= self._most

    def _grant(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, granted = self._waiting.popleft()
            self._under_way += size
            granted.set_result(None)
