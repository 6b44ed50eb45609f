"""What evaluators have said about the code that is served, each asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """Values of one generation, made once for all callers; a failure is not kept."""

    def __init__(self) -> None:
        self._generation = 0
        self._values: dict[Hashable, asyncio.Future[Any]] = {}

    async def once(self, generation: int, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` makes.

        Args:
            generation: number of the load that is served. What was kept of another is forgotten.
            key: of the value.
            make: makes it. The code may be loaded again meanwhile, so that what it makes is of a
                newer generation; nobody who asks is then told something old.
        """
        if generation != self._generation:
            self._generation, self._values = generation, {}
        values = self._values
        if key not in values:
            future = values[key] = asyncio.ensure_future(make())
            future.add_done_callback(lambda done: _forget_failure(values, key, done))
        # Shielded: others wait for it, too.
        return await asyncio.shield(values[key])


def _forget_failure(
    values: dict[Hashable, asyncio.Future[Any]], key: Hashable, done: asyncio.Future[Any]
) -> None:
    if done.cancelled() or done.exception() is not None:
        del values[key]
