"""Heartbeats of the client that a server with `--heartbeat` must not outlive."""

from __future__ import annotations

import asyncio


class Heartbeats:
    """Receives heartbeats and detects their end."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        """Record a heartbeat."""
        self._heard.set()

    async def cease(self, limit: float) -> None:
        """Wait until no heartbeat has arrived for `limit` seconds."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), limit)
            except asyncio.TimeoutError:
                return
