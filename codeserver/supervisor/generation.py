"""A generation of the code: its host and its evaluators."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from codeserver.supervisor.evaluating.pool import Pool
from codeserver.supervisor.loading.absent import Absent
from codeserver.supervisor.loading.host import Host, LoadFailed
from codeserver.supervisor.loading.snapshot import Snapshot
from codeserver.supervisor.uses import Uses

_log = logging.getLogger("codeserver")


@dataclass(frozen=True, eq=False)
class Generation:
    """One load of the code that is, or was, served.

    Attributes:
        number: the number of the load; 0 for a restored snapshot.
        seconds: the duration of the load.
        loaded_at: the end of the load, in seconds since the epoch.
        uses: the requests and starts of runs that need its processes, which live until then.
    """

    number: int
    host: Host | Absent
    pool: Pool
    snapshot: Snapshot
    seconds: float
    loaded_at: float = field(default_factory=time.time)

    uses: Uses = field(default_factory=Uses)

    @property
    def holds(self) -> bool:
        """Whether its end may free something that only one process at a time can have.

        A run that is a fork of the host holds it, too.
        """
        host = self.host
        return bool(host.report.reasons) and not host.runs and not host.ended.done()

    async def retire(self) -> None:
        """End its processes when their work is finished."""
        await self.uses.ended()
        self.pool.evaluators.close()
        await self.pool.evaluators.closed()
        for run in self.host.runs:
            await run.ended()
        await self.host.close()


async def handed_over(
    load: Callable[[], Awaitable[Host]],
    served: Generation | None,
    give_up: Callable[[Generation], Awaitable[None]],
) -> Host:
    """Load the code; if the served generation may hold what the load needs, end it and retry.

    Raises:
        LoadFailed: the code cannot be loaded.
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
        *("; ".join(served.host.report.reasons), failure.headline),
    )
    await give_up(served)
    return await load()
