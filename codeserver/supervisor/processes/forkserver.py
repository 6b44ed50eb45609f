"""Keep a forkserver, follow it, and end it."""

from __future__ import annotations

import asyncio

from codeserver.errors import WorkerCrashed
from codeserver.supervisor.processes import orphans, patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.spawning import Spawned, spawn
from codeserver.supervisor.processes.tasks import Tasks


class ForkServers:
    """Keeps a forkserver, and starts another one on demand after the last one has died."""

    def __init__(self, spawned: Spawned | None, outputs: Outputs, tasks: Tasks) -> None:
        if spawned is not None:
            orphans.expect(spawned.process.pid)
        self._spawned = spawned
        self._outputs = outputs
        self._tasks = tasks
        self._current: ForkServer | None = None
        self._closing = False

    def living(self) -> ForkServer:
        """The living forkserver; starts one if necessary.

        Raises:
            WorkerCrashed: the server is shutting down.
            OSError: the system has no process or file descriptor left for it.
        """
        if self._closing:
            raise WorkerCrashed("The server is shutting down.")
        if self._current is None or self._current.forker.is_lost:
            spawned, self._spawned = self._spawned or spawn(), None
            orphans.expect(spawned.process.pid)
            self._current = ForkServer(spawned, self._outputs, self._tasks)
        return self._current

    def refuse(self) -> None:
        """Start no more forkservers."""
        self._closing = True

    async def close(self) -> None:
        """End the forkserver and all its descendants, except runs."""
        self.refuse()
        if self._current is not None:
            await self._current.close()
        elif self._spawned is not None:
            await asyncio.to_thread(self._spawned.discard)
            orphans.has_been_waited_for(self._spawned.process.pid)


class ForkServer:
    """A running forkserver."""

    def __init__(self, spawned: Spawned, outputs: Outputs, tasks: Tasks) -> None:
        self._process = spawned.process
        output = outputs.open("forkserver", spawned.stdout, spawned.stderr)
        output.pid = spawned.process.pid
        self.forker = Forker(Channel(spawned.sock), outputs, pid=spawned.process.pid)
        self.ended = tasks.start("follow forkserver", self._follow())

    async def close(self) -> None:
        """End it and all its descendants, except runs."""
        # While it imports Dagster, it reads no orders, and has no children to end.
        grace = patience.FORKSERVER_GRACE if self.forker.is_ready else 0
        await self.forker.exit()
        grace = 0.0 if self.forker.is_deaf else grace
        done, _ = await asyncio.wait([self.ended], timeout=grace)
        if not done:
            self._process.kill()
            await asyncio.wait([self.ended])

    async def _follow(self) -> int:
        await self.forker.follow()
        code = await asyncio.to_thread(self._process.wait)
        orphans.has_been_waited_for(self._process.pid)
        return code
