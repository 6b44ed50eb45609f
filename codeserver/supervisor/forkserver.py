"""Start the forkserver, follow it, and end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
from dataclasses import dataclass

from codeserver.errors import WorkerCrashed
from codeserver.supervisor import orphans
from codeserver.supervisor.channel import Channel
from codeserver.supervisor.forker import Forker
from codeserver.supervisor.output import Outputs
from codeserver.supervisor.tasks import Tasks

# `-c` rather than `-m`: a run's multiprocessing children would import a named main module again.
# The first entry of sys.path is the front's, so that the user's code sees the path that it would
# see under a server started the same way (as a script, or with `python -m`).
_PROGRAM = (
    "import sys; sys.path[0] = sys.argv[1]; "
    "from codeserver.worker.forkserver import main; main(*map(int, sys.argv[2:]))"
)

_END_GRACE = 5.0

_PLENTY = 65_536
_most_files = 0


@dataclass(frozen=True)
class Spawned:
    """A forkserver that was started and is not yet attached to an event loop."""

    process: subprocess.Popen[bytes]
    sock: socket.socket
    stdout: int
    stderr: int

    def discard(self) -> None:
        """End it; it has forked nothing yet."""
        self.process.kill()
        self.process.wait()
        orphans.has_been_waited_for(self.process.pid)
        self.sock.close()
        for fd in (self.stdout, self.stderr):
            os.close(fd)


def spawn(python: str = sys.executable) -> Spawned:
    """Start a forkserver; returns at once, while it imports Dagster.

    Raises:
        OSError: the system has no process or file descriptor left for it.
    """
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as theirs:
        ours, control = socket.socketpair()
        undo.callback(ours.close)
        theirs.callback(control.close)
        (stdout, out), (stderr, err), log = os.pipe(), os.pipe(), os.dup(2)
        for stack, fds in ((undo, (stdout, stderr)), (theirs, (out, err, log))):
            for fd in fds:
                stack.callback(os.close, fd)
        inherited = (control.fileno(), log)
        facts = (*inherited, os.getpid(), most_files_of_a_process())
        process = subprocess.Popen(
            [python, "-c", _PROGRAM, sys.path[0], *map(str, facts)],
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        undo.pop_all()
    orphans.expect(process.pid)
    return Spawned(process, ours, stdout, stderr)


def most_files_of_a_process() -> int:
    """How many files the operator lets a process open."""
    return _most_files or resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_more_files() -> None:
    """Let this process open as many files as it may: each client and each worker takes some."""
    global _most_files
    _most_files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _PLENTY if hard == resource.RLIM_INFINITY else min(hard, _PLENTY)
    if _most_files != resource.RLIM_INFINITY and most > _most_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class ForkServers:
    """Keeps a forkserver: another one is started when it is needed and the last one has died.

    Args:
        spawned: one that was started ahead of time, if any.
        outputs: reads what it and its forks print.
        tasks: owns what follows them.
    """

    def __init__(self, spawned: Spawned | None, outputs: Outputs, tasks: Tasks) -> None:
        self._spawned = spawned
        self._outputs = outputs
        self._tasks = tasks
        self._current: ForkServer | None = None
        self._closing = False

    def living(self) -> ForkServer:
        """One that is there.

        Raises:
            WorkerCrashed: the server is shutting down.
            OSError: the system has no process or file descriptor left for it.
        """
        if self._closing:
            raise WorkerCrashed("The server is shutting down.")
        if self._current is None or self._current.forker.is_lost:
            spawned, self._spawned = self._spawned or spawn(), None
            self._current = ForkServer(spawned, self._outputs, self._tasks)
        return self._current

    def refuse(self) -> None:
        """Start no other one from now on."""
        self._closing = True

    async def close(self) -> None:
        """End it and everything it forked, but runs."""
        self.refuse()
        if self._current is not None:
            await self._current.close()
        elif self._spawned is not None:
            await asyncio.to_thread(self._spawned.discard)


class ForkServer:
    """A running forkserver.

    Attributes:
        forker: orders forks from it.
        ended: done when it is no longer there, for whatever reason.
    """

    def __init__(self, spawned: Spawned, outputs: Outputs, tasks: Tasks) -> None:
        self._process = spawned.process
        output = outputs.open("forkserver", spawned.stdout, spawned.stderr)
        output.pid = spawned.process.pid
        self.forker = Forker(Channel(spawned.sock), outputs)
        self.ended = tasks.start("follow forkserver", self._follow())

    async def close(self) -> None:
        """End it and everything it forked, but runs."""
        await self.forker.exit()
        done, _ = await asyncio.wait([self.ended], timeout=_END_GRACE)
        if not done:
            self._process.kill()
            await asyncio.wait([self.ended])

    async def _follow(self) -> int:
        await self.forker.follow()
        code = await asyncio.to_thread(self._process.wait)
        orphans.has_been_waited_for(self._process.pid)
        return code
