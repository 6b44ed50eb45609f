"""Keep a forkserver for a location, follow it, and end it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from codeserver.errors import WorkerCrashed
from codeserver.letters import printable
from codeserver.marks import Mark, mark
from codeserver.supervisor.processes import orphans, patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.spawning import OWN, Python, Spawned, spawn
from codeserver.supervisor.processes.tasks import Tasks

_log = logging.getLogger("codeserver")


class Source(Protocol):
    """The source of the forkservers of one location, which needs another one when one has died."""

    def start(self, outputs: Outputs, tasks: Tasks) -> ForkServer:
        """Start a forkserver.

        Raises:
            WorkerCrashed: the process that it would be forked from cannot fork.
            OSError: the system has no process or file descriptor left for it.
        """

    async def close(self) -> None:
        """End what was started and not used."""


class ForkServers:
    """Keeps a forkserver, and starts another one on demand.

    It does so after the last one has died, or after another Dagster was installed. A forkserver
    with the Dagster from before ends when its last child has ended.

    Args:
        is_shared: whether each forkserver is a base. Its locations log for themselves.
    """

    def __init__(
        self, source: Source, outputs: Outputs, tasks: Tasks, *, is_shared: bool = False
    ) -> None:
        self._is_shared = is_shared
        self._source = source
        self._outputs = outputs
        self._tasks = tasks
        self._current: ForkServer | None = None
        self._retired: set[ForkServer] = set()
        self._marks: Mapping[str, Mark | None] = {}
        self._closing = False

    def living(self) -> ForkServer:
        """The living forkserver; starts one if necessary.

        Raises:
            WorkerCrashed: the server is shutting down, or see `Source.start`.
            OSError: see `Source.start`.
        """
        if self._closing:
            raise WorkerCrashed("The server is shutting down.")
        if self._current is not None and self._current.forker.is_outdated:
            self._retire(self._current)
            self._current = None
        if self._current is None or self._current.forker.is_lost:
            self._current = self._source.start(self._outputs, self._tasks)
        return self._current

    @property
    def python(self) -> str:
        """The version of the Python of the forkserver; empty before it has imported Dagster."""
        dagster = None if self._current is None else self._current.forker.dagster
        return "" if dagster is None else dagster.python

    def refuse(self) -> None:
        """Start no more forkservers."""
        self._closing = True

    async def close(self) -> None:
        """End the forkserver and all its descendants, except runs."""
        self.refuse()
        for each in (*self._retired, self._current):
            if each is not None:
                await each.close()
        await self._source.close()

    @property
    def marks(self) -> Mapping[str, Mark | None]:
        """Files that every other installation of Dagster replaces, as they were at its import."""
        if self._current is not None and (report := self._current.forker.dagster) is not None:
            self._marks = report.marks
        return self._marks

    def _retire(self, forkserver: ForkServer) -> None:
        """Use a forkserver no longer."""
        report = forkserver.forker.dagster
        if forkserver.forker.is_lost or report is None:
            return
        if not self._is_shared:
            _log.warning(
                "Dagster %s was replaced on disk, so another process imports it anew; processes "
                "that have the old one go on until their code is replaced",
                printable(report.version),
            )
        # If the new one cannot be imported, it reports no files, but these may be repaired.
        self._marks = {path: mark(path) for path in report.marks}
        self._retired.add(forkserver)
        self._tasks.start("retire forkserver", self._end_when_unused(forkserver))

    async def _end_when_unused(self, forkserver: ForkServer) -> None:
        forker = forkserver.forker
        while forker.children or not forker.is_childless.is_set():
            await forker.is_childless.wait()
            # It may be about to adopt the runs of a child that has just ended.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(forker.loss.wait(), patience.EXIT_REPORT)
        if not self._closing:
            await forkserver.close()
            self._retired.discard(forkserver)


class ForkServer:
    """A running forkserver.

    Args:
        wait: waits for the end of the process.
        kill: kills the process.
        forking: the fork of the process, if it is forked.
    """

    def __init__(
        self,
        forker: Forker,
        wait: Callable[[], Awaitable[int | None]],
        kill: Callable[[], Awaitable[None]],
        tasks: Tasks,
        forking: asyncio.Task[None] | None = None,
    ) -> None:
        self._forking = forking
        self.forker = forker
        self._wait = wait
        self._kill = kill
        self.ended = tasks.start("follow forkserver", self._follow())

    async def close(self) -> None:
        """End it and all its descendants, except runs."""
        # While it imports Dagster, it reads no orders, and has no children to end.
        grace = patience.FORKSERVER_GRACE if self.forker.is_ready else 0
        await self.forker.exit()
        grace = 0.0 if self.forker.is_deaf else grace
        done, _ = await asyncio.wait([self.ended], timeout=grace)
        if not done:
            await self._kill()
            await asyncio.wait([self.ended])

    async def _follow(self) -> int | None:
        if self._forking is not None:
            # Its socket may show the end of a process that was never forked, before the reason.
            await asyncio.wait([self._forking])
        await self.forker.follow()
        return await self._wait()


class Spawning:
    """Starts each forkserver as a new process, which imports Dagster.

    Args:
        python: the Python of the processes.
        spawned: the first one, if it was started ahead of time.
    """

    def __init__(self, python: Python = OWN, spawned: Spawned | None = None) -> None:
        if spawned is not None:
            orphans.expect(spawned.process.pid)
        self._python = python
        self._spawned = spawned

    def start(self, outputs: Outputs, tasks: Tasks) -> ForkServer:
        """See `Source`."""
        spawned, self._spawned = self._spawned or spawn(self._python), None
        return _attach(spawned, outputs, tasks)

    async def close(self) -> None:
        """See `Source`."""
        if self._spawned is not None:
            await asyncio.to_thread(self._spawned.discard)
            orphans.has_been_waited_for(self._spawned.process.pid)


def _attach(spawned: Spawned, outputs: Outputs, tasks: Tasks) -> ForkServer:
    """Follow a forkserver that was spawned."""
    process = spawned.process
    orphans.expect(process.pid)
    output = outputs.open("forkserver", spawned.stdout, spawned.stderr)
    output.pid = process.pid

    async def wait() -> int:
        code = await asyncio.to_thread(process.wait)
        orphans.has_been_waited_for(process.pid)
        return code

    async def kill() -> None:
        process.kill()

    forker = Forker(Channel(spawned.sock), outputs, pid=process.pid)
    return ForkServer(forker, wait, kill, tasks)
