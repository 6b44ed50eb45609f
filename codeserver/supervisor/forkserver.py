"""Start the forkserver, follow it, and end it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from codeserver.supervisor.channel import Channel
from codeserver.supervisor.forker import Forker
from codeserver.supervisor.tasks import Tasks

# `-c` rather than `-m`: a run's multiprocessing children would import a named main module again.
# The first entry of sys.path is the front's, so that the user's code sees the path that it would
# see under a server started the same way (as a script, or with `python -m`).
_PROGRAM = (
    "import sys; sys.path[0] = sys.argv[1]; "
    "from codeserver.worker.forkserver import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)

_END_GRACE = 5.0


@dataclass(frozen=True)
class Spawned:
    """A forkserver that was started and is not yet attached to an event loop."""

    process: subprocess.Popen[bytes]
    sock: socket.socket

    def discard(self) -> None:
        """End it; it has forked nothing yet."""
        self.process.kill()
        self.process.wait()
        self.sock.close()


def spawn(python: str = sys.executable) -> Spawned:
    """Start a forkserver; returns at once, while it imports Dagster."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [python, "-c", _PROGRAM, sys.path[0], str(theirs.fileno()), str(os.getpid())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Spawned(process, ours)


class ForkServer:
    """A running forkserver.

    Attributes:
        forker: orders forks from it.
        ended: done when it is no longer there, for whatever reason.
    """

    def __init__(self, spawned: Spawned, tasks: Tasks) -> None:
        self._process = spawned.process
        self._channel = Channel(spawned.sock)
        self.forker = Forker(self._channel)
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
        return await asyncio.to_thread(self._process.wait)
