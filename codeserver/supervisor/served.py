"""A generation of the code that is served: what has it, and what evaluates it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from codeserver.supervisor.absent import Absent
from codeserver.supervisor.generation import LoadFailure, Snapshot
from codeserver.supervisor.host import Host, LoadFailed
from codeserver.supervisor.pool import Pool

_log = logging.getLogger("codeserver")


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
    """

    number: int
    host: Host | Absent
    pool: Pool
    snapshot: Snapshot
    seconds: float
    loaded_at: float = field(default_factory=time.time)

    @property
    def holds(self) -> bool:
        """Whether it may have what one process at a time can have, and its end would free that.

        As long as it executes a run in a fork, that has the same.
        """
        host = self.host
        return bool(host.reasons) and not host.runs and not host.ended.done()

    async def retire(self) -> None:
        """End its processes, once they have finished what they do."""
        await self.pool.drain()
        self.pool.close()
        await self.pool.closed()
        for run in self.host.runs:
            await run.ended()
        await self.host.close()


def unchanged(before: Generation | LoadFailure | None, snapshot: Snapshot) -> Snapshot:
    """The snapshot, with what was described before when clients are told the same."""
    return snapshot.like(before.snapshot) if isinstance(before, Generation) else snapshot


async def handed_over(
    load: Callable[[], Awaitable[Host]],
    served: Generation | LoadFailure | None,
    give_up: Callable[[Generation], Awaitable[None]],
) -> Host:
    """Load the code, and once more without what is served when that may be in the way.

    Args:
        load: loads it.
        served: the code that is served meanwhile.
        give_up: ends the processes of that, once they have answered what they were asked.

    Raises:
        LoadFailed: it cannot be loaded.
    """
    try:
        return await load()
    except LoadFailed as error:
        failure = error.failure
        if not (failure.is_for_what_is_taken and isinstance(served, Generation) and served.holds):
            raise
    _log.warning(
        "something is taken that one process at a time can have, maybe by the code that is served "
        "(%s); its processes are ended, and the code is loaded again: %s",
        *("; ".join(served.host.reasons), failure.headline),
    )
    await give_up(served)
    return await load()
