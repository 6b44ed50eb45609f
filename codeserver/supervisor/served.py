"""A generation of the code that is served: what has it, and what evaluates it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from codeserver.supervisor.absent import Absent
from codeserver.supervisor.generation import LoadFailure, Snapshot
from codeserver.supervisor.host import Host
from codeserver.supervisor.pool import Pool


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
