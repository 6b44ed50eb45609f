"""Starters of processes that have the user's code: by a fork, or by a new import."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from codeserver.errors import LoadsOnlyOnce, WorkerCrashed
from codeserver.facts import LoadOrder
from codeserver.messages import Load, Loaded, LoadedAgain, LoadError, Reimport
from codeserver.supervisor.loading.failure import headline
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.uses import Importing

_LONGEST_LOAD = 600.0

_HINT = "The code was loaded before, but not again in a process of its own"


Parent = Callable[[], Forker]
"""Returns the process to fork from now."""


class Starter(Protocol):
    """Starts processes that have the code.

    Attributes:
        is_slow: whether starting one takes as long as loading the code does.
    """

    is_slow: bool

    async def start(self, role: str) -> Child:
        """Start an `evaluator` or a `run`.

        Raises:
            WorkerCrashed: none can be started.
        """

    async def prepare(self) -> None:
        """Prepare further starts ahead of time, so that they are faster."""


class Fork:
    """Forks processes from the host, which has loaded the code."""

    is_slow = False

    def __init__(self, host: Forker) -> None:
        self._host = host

    async def start(self, role: str) -> Child:
        """Fork a process; takes a few milliseconds."""
        return await self._host.fork(role)

    async def prepare(self) -> None:
        """Prepare the host."""
        await self._host.prepare()


class _Clean:
    """Starts processes from one that has seen no user code."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent

    async def prepare(self) -> None:
        """Done in what they are forked from."""
        await self._parent().prepare()

    async def _fork(self, role: str) -> Child:
        parent = self._parent()
        await parent.prepare()  # orders are obeyed in turn
        return await parent.fork(role)


class Spawn(_Clean):
    """Starts processes that load the code themselves and share nothing with the host.

    The first evaluator is the host itself: it has the code, and does not fork.

    Args:
        timeout: the time limit of a load in seconds; None for the default.
    """

    is_slow = True

    def __init__(
        self, parent: Parent, order: LoadOrder, timeout: float | None, importing: Importing
    ) -> None:
        super().__init__(parent)
        self._order = order
        self._timeout = timeout or _LONGEST_LOAD
        self._importing = importing
        self._host: Awaitable[Child | None] | None = None

    def offer(self, host: Awaitable[Child | None]) -> None:
        """Use the host as the first evaluator when it is ready; None means that it is lost."""
        self._host = host

    async def start(self, role: str) -> Child:
        """Start a process, and wait until it has loaded the code.

        Raises:
            LoadsOnlyOnce: the process cannot load the code, although the host could.
            WorkerCrashed: no process can be started, or it ended or took too long.
        """
        if role == "evaluator" and self._host is not None:
            host, self._host = self._host, None
            if (child := await asyncio.shield(host)) is not None:
                return child
        with self._importing.counted():
            return await self._spawn(role)

    async def _spawn(self, role: str) -> Child:
        child = await self._fork(role)
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
            child.channel.close()  # the child reads the end of its input, and exits
            raise

    async def _failed(self, child: Child, error: LoadError | None) -> WorkerCrashed:
        code = await child.end(patience.END_GRACE)
        if error is not None:
            text = f"{_HINT} (--isolation fork shares it): {error.text}"
            return LoadsOnlyOnce(text, headline(error.brief or error.text), error.body)
        return WorkerCrashed(f"{_HINT}: that process {explain_exit(code)}.")


class Import(_Clean):
    """Starts runs that import the code where stock's do, so its errors are events of the run."""

    is_slow = False

    def __init__(self, parent: Parent, loaded: Loaded) -> None:
        super().__init__(parent)
        self._order = Reimport(loaded.surroundings, loaded.repositories)

    async def start(self, role: str) -> Child:
        """Start a run; takes a few milliseconds, because the run imports the code later."""
        child = await self._fork(role)
        try:
            await child.channel.send(self._order)
        except BaseException as error:
            child.close()
            if isinstance(error, BrokenPipeError):
                raise WorkerCrashed(f"The process of a {role} ended before it began.") from None
            raise
        return child
