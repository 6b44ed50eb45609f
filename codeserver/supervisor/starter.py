"""How the evaluators and runs of a generation get the user's code."""

from __future__ import annotations

import asyncio
from typing import Protocol

from codeserver.errors import WorkerCrashed
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.wire import Frame

_END_GRACE = 2.0
_LONGEST_LOAD = 600.0

_HINT = "The code was loaded before, but not again in a process of its own"


class Starter(Protocol):
    """Starts processes that have the code.

    Attributes:
        is_slow: whether starting one takes as long as loading the code does.
    """

    is_slow: bool

    async def start(self, role: str) -> Child:
        """Start an `evaluator` or a `run`.

        Raises:
            WorkerCrashed: there is none to be had.
        """

    async def prepare(self) -> None:
        """Make those that are still to be started faster, now that there is time."""


class Fork:
    """Forks them from the host, which has the code loaded."""

    is_slow = False

    def __init__(self, host: Forker) -> None:
        self._host = host

    async def start(self, role: str) -> Child:
        """Start one; takes a few milliseconds."""
        return await self._host.fork(role)

    async def prepare(self) -> None:
        """Done in the host."""
        await self._host.prepare()


class Spawn:
    """Has each load the code itself, in a process that has nothing of the host.

    Args:
        forkserver: forks processes that have seen no user code.
        order: what to load, as the host was told.
        timeout: seconds that loading may take; None for as long as a load ever may.
    """

    is_slow = True

    def __init__(self, forkserver: Forker, order: bytes, timeout: float | None = None) -> None:
        self.forkserver = forkserver
        self.order = order
        self._timeout = timeout or _LONGEST_LOAD

    async def start(self, role: str) -> Child:
        """Start one, and wait until it has loaded the code."""
        await self.prepare()  # orders are obeyed in turn
        child = await self.forkserver.fork(role)
        try:
            try:
                await child.channel.send(Frame({"kind": "load"}, self.order))
                frame = await asyncio.wait_for(child.channel.expect(), self._timeout)
            except BrokenPipeError:
                frame = None
            except asyncio.TimeoutError:
                await child.end(_END_GRACE)
                raise WorkerCrashed(
                    f"{_HINT}: that took longer than {self._timeout:g} seconds."
                ) from None
            if frame is not None and frame.kind == "loaded":
                return child
            raise await self._failed(child, frame)
        except BaseException:
            child.channel.close()  # it sees the end of its input
            raise

    async def prepare(self) -> None:
        """Done in the forkserver."""
        await self.forkserver.prepare()

    async def _failed(self, child: Child, frame: Frame | None) -> WorkerCrashed:
        code = await child.end(_END_GRACE)
        if frame is not None and frame.kind == "failed":
            return WorkerCrashed(f"{_HINT} (--isolation fork shares it): {frame.header['text']}")
        return WorkerCrashed(f"{_HINT}: that process {explain_exit(code)}.")
