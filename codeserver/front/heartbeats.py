"""Signs of life from a client whose server is to end with it."""

from __future__ import annotations

import asyncio


class Heartbeats:
    """Heartbeats as they come."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """One has come."""
        self._heard.set()

    async def cease(self, limit: float) -> None:
        """Wait until none has come for `limit` seconds."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), limit)
            except asyncio.TimeoutError:
                return
