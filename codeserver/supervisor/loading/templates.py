"""Keeps a template: a forkserver that has imported the installed packages that the code needs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codeserver.errors import WorkerCrashed
from codeserver.facts import InstalledPackages
from codeserver.marks import Mark, mark
from codeserver.messages import Import, Imported, Unfit
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.system import IS_LINUX

_log = logging.getLogger("codeserver")

_MOST_TRIES = 8
_LONGEST_IMPORT = 300.0


@dataclass(frozen=True)
class _Order:
    """The imports of a template and their surroundings.

    Attributes:
        modules: the names of modules of installed packages.
        environment: the variables that the user's code sets, which some modules read.
        folders: the directories of installed packages, each with its mark.
    """

    modules: frozenset[str]
    environment: Mapping[str, str | None]
    folders: Mapping[str, Mark | None]


@dataclass(frozen=True)
class _Template:
    order: _Order
    child: Child
    forker: Forker

    @property
    def is_usable(self) -> bool:
        """Whether it is alive, and no package was installed or removed since it was made."""
        parent = self.child.parent
        if self.child.exited.done() or (parent is not None and parent.is_outdated):
            return False
        return all(mark(path) == before for path, before in self.order.folders.items())


class Templates:
    """Makes a template for the next load from the imports of the last one.

    Args:
        outdated: called when the last host was forked from a template that had other variables
            than the code sets, and the template has been replaced.
    """

    def __init__(self, outputs: Outputs, tasks: Tasks, outdated: Callable[[], None]) -> None:
        self._outputs = outputs
        self._outdated = outdated
        self._used: _Template | None = None
        self._tasks = tasks
        self._current: _Template | None = None
        self._making: asyncio.Task[None] | None = None
        self._wanted: _Order | None = None
        self._is_hopeless = False
        self._unfit: set[str] = set()
        self._is_repeated = False
        self._volatile: set[str] = set()

    def use(self, local_names: Sequence[str]) -> Forker | None:
        """Like `usable`, for the next host."""
        forker = self.usable(local_names)
        self._used = None if forker is None else self._current
        return forker

    def usable(self, local_names: Sequence[str]) -> Forker | None:
        """The template to fork from instead of the forkserver; None if there is none.

        Args:
            local_names: the names of modules in the user's directories. A template that has
                imported a package of the same name cannot be used, because the code means its own.
        """
        template = self._current
        if template is None:
            return None
        if not template.is_usable:
            self._replace(None)
            return None
        return None if template.order.modules & set(local_names) else template.forker

    async def settled(self) -> None:
        """Wait until no template is being made."""
        while self._making is not None and not self._making.done():
            await asyncio.wait([self._making])

    def release(self) -> None:
        """End the template, because nothing needs it before the next load."""
        self._replace(None)

    def prepare(
        self,
        forkserver: Forker,
        installed: InstalledPackages,
        environment: Mapping[str, str | None],
    ) -> None:
        """Make a template in the background, unless the current one fits."""
        if not IS_LINUX:
            return  # it is not known whether threads of imported packages would break after a fork
        folders = {path: mark(path) for path in installed.folders}
        order = _Order(frozenset(installed.modules), self._lasting(environment), folders)
        if order == self._wanted and (self._is_making or self._is_hopeless or self._has(order)):
            return
        self._wanted, self._is_hopeless = order, False
        if self._making is not None:
            self._making.cancel()
        had_other = self._had_other(order)
        work = self._make(forkserver, order, installed.modules, had_other)
        self._making = self._tasks.start("make template", work)

    def _had_other(self, order: _Order) -> bool:
        """Whether the last host was forked from a template that was made under other variables."""
        if self._used is None:
            return False
        before = self._used.order.environment.items()
        return {n: v for n, v in before if n not in self._volatile} != order.environment

    @property
    def _is_making(self) -> bool:
        return self._making is not None and not self._making.done()

    def _has(self, order: _Order) -> bool:
        template = self._current
        return template is not None and template.order == order and template.is_usable

    def _lasting(self, environment: Mapping[str, str | None]) -> dict[str, str | None]:
        """The variables, without those that differ in every load, such as a time."""
        if self._is_repeated and self._wanted is not None:
            # The last two loads were of the same code.
            before = self._wanted.environment
            self._volatile |= {name for name in before if environment.get(name) != before[name]}
        self._is_repeated = False
        return {name: value for name, value in environment.items() if name not in self._volatile}

    async def _make(
        self, forkserver: Forker, order: _Order, modules: Sequence[str], had_other: bool
    ) -> None:
        for _ in range(_MOST_TRIES):
            names = [name for name in modules if _package(name) not in self._unfit]
            if not names:
                self._is_hopeless = True
                break
            try:
                child = await forkserver.fork("template")
            except WorkerCrashed:
                return
            if await self._try(forkserver, child, order, names):
                break
        else:
            self._is_hopeless = True
        if not self._has(order):
            self._replace(None)  # an outdated template is worse than none
        if had_other:
            self._is_repeated = True
            self._outdated()

    async def _try(
        self, forkserver: Forker, child: Child, order: _Order, names: Sequence[str]
    ) -> bool:
        """Have a process import the modules; return False to try again without an unfit package."""
        try:
            await child.channel.send(Import(names, order.environment))
            told = await child.channel.expect(Imported, Unfit, timeout=_LONGEST_IMPORT)
        except BrokenPipeError:
            told = None
        except asyncio.TimeoutError:
            self._tasks.start("end template", child.end(patience.END_GRACE))
            told = None
        except BaseException:
            self._tasks.start("end template", child.end(patience.END_GRACE))
            raise
        if isinstance(told, Imported):
            forker = Forker(child.channel, self._outputs, adopter=forkserver, pid=child.pid)
            self._tasks.start("follow template", forker.follow())
            self._replace(_Template(order, child, forker))
            _log.debug("%d modules are imported ahead of reloads", len(names))
            return True
        child.channel.close()
        if told is None:
            _log.info("installed packages are not imported ahead: a process that did it has ended")
            self._is_hopeless = True
            return True
        package = _package(told.module)
        self._unfit.add(package)
        _log.info("%s is not imported ahead of reloads: %s", package, told.reason)
        return False

    def _replace(self, template: _Template | None) -> None:
        before, self._current = self._current, template
        if before is not None:
            self._tasks.start("retire template", _retire(before))


async def _retire(template: _Template) -> None:
    """End a template after the hosts that were forked from it, because they would end with it."""
    await template.forker.is_childless.wait()
    await template.forker.exit()


def _package(module: str) -> str:
    return module.partition(".")[0]


def local_names(target_directories: Sequence[str]) -> list[str]:
    """The names of modules in these directories."""
    names = []
    for directory in target_directories:
        try:
            names += [name.removesuffix(".py") for name in os.listdir(directory)]
        except OSError:
            continue
    return names
