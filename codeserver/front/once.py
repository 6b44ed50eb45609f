"""A cache that makes each value once for all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Caches values by key; a failure is not cached."""

    def __init__(self) -> None:
        self._values: dict[Hashable, asyncio.Future[Any]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The value of this key; `make` makes it for the first caller."""
        if key not in self._values:
            made = self._values[key] = asyncio.ensure_future(make())
            made.add_done_callback(lambda done: self._forget_failure(key, done))
        # Shielded: a caller that is cancelled must not cancel the value of the others.
        return await asyncio.shield(self._values[key])

    def _forget_failure(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            del self._values[key]
