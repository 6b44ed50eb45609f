"""The stand-in for the host of a generation whose code is not loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from codeserver.errors import WorkerCrashed
from codeserver.messages import Loaded
from codeserver.supervisor.loading.run_modes import RunModes, Wishes
from codeserver.supervisor.loading.snapshot import Snapshot
from codeserver.supervisor.processes.child import Child
from codeserver.used import Used


class Absent:
    """The stand-in for the host of code that a snapshot file describes.

    Attributes:
        ended: done from the start, so requests that need the code wait for a load.
        report: the report of the load, as far as it is known.
    """

    runs: Sequence[Child] = ()

    def __init__(self, snapshot: Snapshot, libraries: Mapping[str, str]) -> None:
        self.snapshot = snapshot
        self.report = Loaded(isolation="unspecified", libraries=libraries)
        self.starter = _NothingToStart()
        self.run_modes = RunModes(Wishes("warm"), self.starter, self.starter, (), Used.nothing())
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.ended.set_result(None)

    async def close(self) -> None:
        """Do nothing: there is no process."""


class _NothingToStart:
    """A starter that cannot start a process."""

    is_slow = False

    async def start(self, role: str) -> Child:
        raise WorkerCrashed(f"The code is not loaded yet, so there is no {role}.")

    async def prepare(self) -> None:
        """Do nothing: there is no process."""
