"""Bases: processes that have imported Dagster, each for all locations with the same Python."""

from __future__ import annotations

from dataclasses import dataclass

from codeserver.errors import WorkerCrashed
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.forkserver import ForkServer, ForkServers, Spawning
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.spawning import Python, Spawned
from codeserver.supervisor.processes.tasks import Tasks


@dataclass
class _Base:
    """A base, and the number of locations that use it."""

    forkservers: ForkServers
    users: int = 0


class Bases:
    """Keeps a base for each Python, with its variables, that a location needs.

    The forkserver of a location is forked from a base. So a further location costs a fork, and not
    an import of Dagster. A base has no children with user code, so nothing that user code does to
    its forkserver concerns another location.

    Args:
        python: the Python of a process that was started ahead of time.
        spawned: that process, which becomes the base of the locations with this Python.
    """

    def __init__(self, python: Python, spawned: Spawned) -> None:
        self._ahead: dict[Python, Spawning] = {python: Spawning(python, spawned)}
        self._outputs = Outputs()
        self._tasks = Tasks()
        self._bases: dict[Python, _Base] = {}

    def source(self, python: Python) -> Share:
        """The source of the forkservers of one location, which closes it at its end."""
        if python not in self._bases:
            spawning = self._ahead.pop(python, None) or Spawning(python)
            kept = ForkServers(spawning, self._outputs, self._tasks, is_shared=True)
            self._bases[python] = _Base(kept)
        base = self._bases[python]
        base.users += 1
        return Share(self, python, base.forkservers)

    async def discard_unused(self) -> None:
        """End the process that was started ahead of time, if no location has its Python."""
        while self._ahead:
            await self._ahead.popitem()[1].close()

    async def release(self, python: Python) -> None:
        """End the base, if no other location uses it."""
        base = self._bases[python]
        base.users -= 1
        if not base.users:
            del self._bases[python]
            await base.forkservers.close()

    async def close(self) -> None:
        """End what is left of all bases."""
        await self.discard_unused()
        await self._tasks.close()
        self._outputs.close()


class Share:
    """The share of one location in a base; see `forkserver.Source`."""

    def __init__(self, bases: Bases, python: Python, forkservers: ForkServers) -> None:
        self._bases = bases
        self._python = python
        self._forkservers = forkservers

    def start(self, outputs: Outputs, tasks: Tasks) -> ForkServer:
        """Fork a forkserver."""
        return _fork(self._forkservers.living().forker, outputs, tasks)

    async def close(self) -> None:
        """Use the base no longer."""
        await self._bases.release(self._python)


def _fork(base: Forker, outputs: Outputs, tasks: Tasks) -> ForkServer:
    child, forked = base.begin("forkserver", outputs)
    forker = Forker(child.channel, outputs, adopter=base)

    async def fork() -> None:
        try:
            await forked
        except WorkerCrashed as error:
            forker.explain(str(error))
        else:
            forker.pid = child.pid

    forking = tasks.start("fork forkserver", fork())

    async def wait() -> int | None:
        return await child.ended() if child.pid else None

    async def kill() -> None:
        forking.cancel()
        if child.pid:
            await child.kill()

    return ForkServer(forker, wait, kill, tasks, forking)
