"""Waiting inside an event loop, with a deadline, so that a broken wait fails instead of hanging."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.support.eventually import PATIENCE

T = TypeVar("T")

DEADLINE = float(PATIENCE)


async def soon(work: Awaitable[T]) -> T:
    """What `work` returns; raises TimeoutError when it does not end soon."""
    return await asyncio.wait_for(work, DEADLINE)


async def until(probe: Callable[[], object]) -> None:
    """Let the other tasks run until `probe()` is true."""

    async def poll() -> None:
        while not probe():  # noqa: ASYNC110 - nobody announces what is probed
            await asyncio.sleep(0.001)

    await soon(poll())


async def others_have_ended() -> None:
    """Wait until no task but the caller's is left."""
    caller = asyncio.current_task()
    await until(lambda: asyncio.all_tasks() <= {caller, asyncio.current_task()})
