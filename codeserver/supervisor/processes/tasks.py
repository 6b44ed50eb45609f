"""Background tasks that have an owner, a name, and an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_CANCEL_SECONDS = 1.0

_log = logging.getLogger("codeserver")


class Tasks:
    """The background tasks of one owner.

    A task that fails is logged with its name at once, not when it is garbage collected.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` in the background."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def settle(self) -> None:
        """Wait until no task is running, including those that running tasks start."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Cancel all tasks and wait for their ends."""
        while self._running:
            for task in self._running:
                task.cancel()
            # Again and again: before Python 3.12, `wait_for` may not notice that it is cancelled.
            await asyncio.wait(self._running, timeout=_CANCEL_SECONDS)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background task %s failed", task.get_name(), exc_info=error)
