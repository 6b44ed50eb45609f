"""Loads the code again when its host has died, with pauses between the tries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from codeserver.errors import Draining
from codeserver.supervisor.backoff import pause
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.tasks import Tasks

_log = logging.getLogger("codeserver")

_STABLE_SECONDS = 60.0


class Revival:
    """Pauses before the next load: none after the first death, then doubling ones.

    They begin anew after a host has lived for a minute. Pure.
    """

    def __init__(self) -> None:
        self._deaths = 0

    def has_lived(self, seconds: float) -> None:
        """Note that a host has ended at this age."""
        if seconds > _STABLE_SECONDS:
            self._deaths = 0

    def next_pause(self) -> float:
        """The pause before the next try, in seconds."""
        self._deaths += 1
        return pause(self._deaths - 1)


class Reviver:
    """Loads the code of a dead host until it is served again; answers from the snapshot go on.

    Args:
        load: loads the code; raises Draining if the server is shutting down.
        is_served: tells whether a generation is still served by a server that is not shutting down.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[object]],
        is_served: Callable[[Generation], bool],
        tasks: Tasks,
    ) -> None:
        self._load = load
        self._is_served = is_served
        self._tasks = tasks
        self._revival = Revival()
        self._watching: asyncio.Task[None] | None = None
        self._born = 0.0

    def watch(self, generation: Generation) -> None:
        """Load the code again when the host of this generation dies."""
        self._born = time.monotonic()
        name = f"watch generation {generation.number}"
        self._watching = self._tasks.start(name, self._watch(generation))

    def forget(self) -> None:
        """Stop watching: the host is ended on purpose."""
        if self._watching is not None:
            self._watching.cancel()
        self._revival.has_lived(time.monotonic() - self._born)

    def retry(self, generation: Generation) -> None:
        """Load code that was unloaded on purpose and has just failed to load."""
        self._revival.next_pause()  # skip the first one, which is zero: one try has just failed
        name = f"revive generation {generation.number}"
        self._tasks.start(name, self._revive(generation, "was ended on purpose"))

    async def _watch(self, generation: Generation) -> None:
        born = time.monotonic()
        await asyncio.wait([generation.host.ended])
        self._revival.has_lived(time.monotonic() - born)
        await self._revive(generation, explain_exit(generation.host.ended.result()))

    async def _revive(self, generation: Generation, how: str) -> None:
        while self._is_served(generation):
            pause = self._revival.next_pause()
            _log.error(
                "the host of generation %d %s; loading again in %.1f s",
                *(generation.number, how, pause),
            )
            await asyncio.sleep(pause)
            if self._is_served(generation):
                # The server may begin to shut down here.
                with contextlib.suppress(Draining):
                    await self._load()
