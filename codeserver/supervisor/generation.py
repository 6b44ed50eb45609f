"""A generation of the code that is served: what has it, and what evaluates it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from codeserver.supervisor.evaluating.pool import Pool
from codeserver.supervisor.loading.absent import Absent
from codeserver.supervisor.loading.host import Host, LoadFailed
from codeserver.supervisor.loading.snapshot import Snapshot

_log = logging.getLogger("codeserver")


class Uses:
    """Counts what something is needed for."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """It is needed once more, until `end`."""
        self._count += 1
        self._none.clear()

    def end(self) -> None:
        """Undo one `begin`."""
        self._count -= 1
        if not self._count:
            self._none.set()

    async def ended(self) -> None:
        """Wait until it is not needed."""
        await self._none.wait()


@dataclass(frozen=True, eq=False)
class Generation:
    """One load of the code that is, or was, served.

    Attributes:
        number: of the load; 0 for code that was not loaded here.
        host: has the code.
        pool: evaluates it.
        snapshot: what clients are told about it.
        seconds: how long the load took.
        loaded_at: when it was ready, in seconds since the epoch.
        uses: what its processes are needed for.
    """

    number: int
    host: Host | Absent
    pool: Pool
    snapshot: Snapshot
    seconds: float
    loaded_at: float = field(default_factory=time.time)

    uses: Uses = field(default_factory=Uses)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Its processes live on as long as this lasts, and longer."""
        self.uses.begin()
        try:
            yield
        finally:
            self.uses.end()

    @property
    def holds(self) -> bool:
        """Whether it may have what one process at a time can have, and its end would free that.

        As long as it executes a run in a fork, that has the same.
        """
        host = self.host
        return bool(host.loaded.reasons) and not host.runs and not host.ended.done()

    async def retire(self) -> None:
        """End its processes, once they have finished what they do."""
        await self.uses.ended()
        self.pool.close()
        await self.pool.closed()
        for run in self.host.runs:
            await run.ended()
        await self.host.close()


async def handed_over(
    load: Callable[[], Awaitable[Host]],
    served: Generation | None,
    give_up: Callable[[Generation], Awaitable[None]],
) -> Host:
    """Load the code, and once more without what is served when that may be in the way.

    Args:
        load: loads it.
        served: the code that is served meanwhile, if any.
        give_up: ends the processes of that, once they have answered what they were asked.

    Raises:
        LoadFailed: it cannot be loaded.
    """
    try:
        return await load()
    except LoadFailed as error:
        failure = error.failure
        if not failure.is_for_what_is_taken or served is None or not served.holds:
            raise
    _log.warning(
        "something is taken that one process at a time can have, maybe by the code that is served "
        "(%s); its processes are ended, and the code is loaded again: %s",
        *("; ".join(served.host.loaded.reasons), failure.headline),
    )
    await give_up(served)
    return await load()
