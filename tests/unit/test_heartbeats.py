"""When a server without heartbeats is to end, on a clock that waits for nobody."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from codeserver.front.heartbeats import Heartbeats


class Leaping(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to the next timer."""

    now = 0.0
    _ready: Any
    _scheduled: Any

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


async def until_they_cease(*pauses: float) -> float:
    """The time when they have, with a limit of two seconds and a heartbeat after each pause."""
    heartbeats = Heartbeats()
    ceasing = asyncio.create_task(heartbeats.cease(2))
    for pause in pauses:
        await asyncio.sleep(pause)
        heartbeats.hear()
    await ceasing
    return asyncio.get_running_loop().time()


def test_they_cease() -> None:
    for pauses, end in [((), 2.0), ((1.5,), 3.5), ((1.5,) * 5, 9.5)]:
        with closing(Leaping()) as loop:
            assert loop.run_until_complete(until_they_cease(*pauses)) == end
