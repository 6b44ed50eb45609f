"""How processes get the user's code: forked with it, or importing it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from codeserver.errors import LoadsOnlyOnce, WorkerCrashed
from codeserver.facts import LoadOrder
from codeserver.messages import Load, Loaded, LoadedAgain, LoadError, Reimport
from codeserver.supervisor.loading.failure import headline
from codeserver.supervisor.loading.importing import Importing
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.forker import Child, Forker

_LONGEST_LOAD = 600.0

_HINT = "The code was loaded before, but not again in a process of its own"


Parent = Callable[[], Forker]
"""The process to fork from, as of now."""


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

    But the first evaluator is the host: it has the code, and forks nothing.

    Args:
        parent: what to fork from: a process that has seen no user code.
        order: what to load, as the host was told.
        timeout: seconds that loading may take; None for as long as a load ever may.
        importing: counts those that load it now.
    """

    is_slow = True

    def __init__(
        self,
        parent: Parent,
        order: LoadOrder,
        timeout: float | None = None,
        importing: Importing | None = None,
    ) -> None:
        self._parent = parent
        self._order = order
        self._timeout = timeout or _LONGEST_LOAD
        self._importing = importing or Importing()
        self._host: Awaitable[Child | None] | None = None

    def offer(self, host: Awaitable[Child | None]) -> None:
        """Let the host be the first evaluator, once it is there; None when it is lost."""
        self._host = host

    async def start(self, role: str) -> Child:
        """Start one, and wait until it has loaded the code.

        Raises:
            LoadsOnlyOnce: it cannot, though the host could.
            WorkerCrashed: there is none to be had.
        """
        if role == "evaluator" and self._host is not None:
            host, self._host = self._host, None
            if (child := await asyncio.shield(host)) is not None:
                return child
        with self._importing.one():
            return await self._load(role)

    async def _load(self, role: str) -> Child:
        parent = self._parent()
        await parent.prepare()  # orders are obeyed in turn
        child = await parent.fork(role)
        try:
            try:
                await child.channel.send(Load(self._order))
                told = await child.channel.expect(LoadedAgain, LoadError, timeout=self._timeout)
            except BrokenPipeError:
                told = None
            except asyncio.TimeoutError:
                await child.end(patience.END_GRACE)
                raise WorkerCrashed(
                    f"{_HINT}: that took longer than {self._timeout:g} seconds."
                ) from None
            if isinstance(told, LoadedAgain):
                return child
            raise await self._failed(child, told)
        except BaseException:
            child.channel.close()  # it sees the end of its input
            raise

    async def prepare(self) -> None:
        """Done in what they are forked from."""
        await self._parent().prepare()

    async def _failed(self, child: Child, error: LoadError | None) -> WorkerCrashed:
        code = await child.end(patience.END_GRACE)
        if error is not None:
            text = f"{_HINT} (--isolation fork shares it): {error.text}"
            return LoadsOnlyOnce(text, headline(error.brief or error.text), error.body)
        return WorkerCrashed(f"{_HINT}: that process {explain_exit(code)}.")


class Import:
    """Has runs import the code where stock's process of a run does, so that its errors are theirs.

    Args:
        parent: what to fork from: a process that has seen no user code.
        loaded: what the host has reported of its load.
    """

    is_slow = False

    def __init__(self, parent: Parent, loaded: Loaded) -> None:
        self._parent = parent
        self._order = Reimport(loaded.surroundings, loaded.repositories)

    async def start(self, role: str) -> Child:
        """Start a run; takes a few milliseconds, as it has not imported the code yet."""
        parent = self._parent()
        await parent.prepare()  # orders are obeyed in turn
        child = await parent.fork(role)
        try:
            await child.channel.send(self._order)
        except BaseException as error:
            child.close()
            if isinstance(error, BrokenPipeError):
                raise WorkerCrashed(f"The process of a {role} ended before it began.") from None
            raise
        return child

    async def prepare(self) -> None:
        """Done in what they are forked from."""
        await self._parent().prepare()
