"""The template: a forkserver that has also imported the installed packages of the user's code.

It is forked from the forkserver. Hosts and all other processes that import the user's code are
forked from it, so they need to import only the user's own files. It never imports any of those. If
an import makes it unsafe to fork, it reports that and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from codeserver.facts import InstalledPackages
from codeserver.messages import Import, Imported, Unfit
from codeserver.worker.loading.surroundings import set_variables
from codeserver.worker.process import basics
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.fork_safety import reasons_not_to_fork, signals_taken
from codeserver.worker.process.forking import ForkLoop, Main, Role
from codeserver.worker.process.modules import Since
from codeserver.worker.process.originals import os
from codeserver.worker.user_files import is_users_file, origin_of

_at_start: set[str] = set()
_start: list[Since] = []


def remember_start() -> None:
    """Remember the modules that are imported now; every host has them."""
    _at_start.update(sys.modules)
    _start[:] = [Since()]


def installed() -> InstalledPackages:
    """Installed packages that the code of this process has imported."""
    names = [
        name
        for name in _start[0].names()
        if name not in _at_start and _is_installed(sys.modules.get(name))
    ]
    return InstalledPackages(names, package_folders())


def package_folders() -> list[str]:
    """The directories of installed packages."""
    return [path for path in sys.path if os.path.basename(path).endswith("-packages")]


def serve(channel: Channel, roles: Mapping[str, Role], prepare: Callable[[], None]) -> Main | int:
    """Import modules by order of the front, and then fork on demand.

    Args:
        channel: to the front.
        roles: the roles of children, by name.
        prepare: does work once that all children would otherwise repeat.
    """
    order = channel.expect(Import)
    if order is None:
        return 0
    own = basics.open_descriptors(), basics.threads()
    with _environment(order.environment):
        unfit = _import(order.modules, *own)
    if unfit is not None:
        channel.send(unfit)
        basics.flush()
        os._exit(0)  # even if the module has left threads
    gc.collect()
    known = Since()
    prepare()
    _at_start.update(known.names())  # the user's code does not need these
    channel.send(Imported())
    return ForkLoop(channel, roles).run() or 0


def _import(names: Sequence[str], descriptors: set[int], threads: set[int]) -> Unfit | None:
    """Import these modules; return the first one that makes this process unfit, if any."""
    before = _facts()
    for name in names:
        if name in sys.modules:
            continue
        known = Since()
        # If this import fails, the user's code imports the module itself.
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
        if users := next(_of_user(known.names()), None):
            return Unfit(name, f"imports {users}, which is not installed")
        if (now := _facts()) != before:
            before = now
            if reasons := reasons_not_to_fork(descriptors, threads):
                return Unfit(name, "; ".join(reasons))
    return None


def _facts() -> tuple[object, ...]:
    """Numbers of threads and open files, and signals: a full audit is needed if they change."""
    counts = []
    for folder in ("task", "fd"):
        try:
            counts.append(len(os.listdir(f"/proc/self/{folder}")))
        except OSError:
            counts.append(0)
    return *counts, *signals_taken()


def _is_installed(module: object) -> bool:
    origin = origin_of(module)
    return origin is not None and not is_users_file(origin)


def _of_user(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        origin = origin_of(sys.modules.get(name))
        if origin is not None and is_users_file(origin):
            yield name


@contextlib.contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables within the block, because modules may read them at their import.

    Variables that modules set within the block are kept.
    """
    before = {name: os.environ.get(name) for name in changes}
    set_variables(changes)
    put: set[str] = set()
    _listeners.append(put.add)
    sys.addaudithook(_hear)
    try:
        yield
    finally:
        _listeners.clear()
        set_variables({name: value for name, value in before.items() if name not in put})


_listeners: list[Callable[[str], None]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listeners and event == "os.putenv":
        for listener in _listeners:
            listener(os.fsdecode(arguments[0]))
