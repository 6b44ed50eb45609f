"""What a generation has instead of a host while its code is not loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from codeserver.errors import WorkerCrashed
from codeserver.messages import Loaded
from codeserver.supervisor.loading.run_modes import RunModes, Used, Wishes
from codeserver.supervisor.loading.snapshot import Snapshot
from codeserver.supervisor.processes.forker import Child


class Absent:
    """Stands for the host of code that is described by a file and not loaded yet.

    Args:
        snapshot: what clients are told about the code.
        libraries: versions of Dagster's libraries, by name.

    Attributes:
        ended: done, as for a host that is no longer there: who needs the code waits for a load.
        loaded: as far as it is known.
    """

    runs: Sequence[Child] = ()

    def __init__(self, snapshot: Snapshot, libraries: Mapping[str, str]) -> None:
        self.snapshot = snapshot
        self.loaded = Loaded(isolation="unspecified", libraries=libraries)
        self.starter = _NothingToStart()
        self.run_modes = RunModes(Wishes("warm"), self.starter, self.starter, (), Used.nothing())
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.ended.set_result(None)

    async def close(self) -> None:
        """There is nothing to end."""


class _NothingToStart:
    """A starter of processes that have the code, which cannot start any."""

    is_slow = False

    async def start(self, role: str) -> Child:
        raise WorkerCrashed(f"The code is not loaded yet, so there is no {role}.")

    async def prepare(self) -> None:
        """There is nothing to prepare."""
