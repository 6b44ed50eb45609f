"""Values that are made once for all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Keeps values by their keys, but no failure to make one."""

    def __init__(self) -> None:
        self._values: dict[Hashable, asyncio.Future[Any]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The value of this key, which `make` makes if it is not there."""
        if key not in self._values:
            made = self._values[key] = asyncio.ensure_future(make())
            made.add_done_callback(lambda done: self._forget_failure(key, done))
        # Shielded: others wait for it, too.
        return await asyncio.shield(self._values[key])

    def _forget_failure(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            del self._values[key]
