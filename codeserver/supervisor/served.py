"""A generation of the code that is served: what has it, and what evaluates it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from codeserver.supervisor.generation import Snapshot
from codeserver.supervisor.host import Host
from codeserver.supervisor.pool import Pool


@dataclass(frozen=True)
class Generation:
    """One load of the code that is, or was, served.

    Attributes:
        number: of the load.
        host: has the code.
        pool: evaluates it.
        seconds: how long the load took.
        loaded_at: when it was ready, in seconds since the epoch.
    """

    number: int
    host: Host
    pool: Pool
    seconds: float
    loaded_at: float = field(default_factory=time.time)

    @property
    def snapshot(self) -> Snapshot:
        """What clients are told about it."""
        return self.host.snapshot

    async def retire(self) -> None:
        """End its processes, once they have finished what they do."""
        await self.pool.drain()
        self.pool.close()
        await self.pool.closed()
        for child in self.host.forker.children:
            if child.role == "run":
                await child.ended()
        await self.host.close()
