"""A forkserver that has more imported: what the user's code imports of installed packages.

It is forked from the forkserver. Hosts are forked from it, and so is every process that imports the
user's code anew: that costs the import of the user's own files only. It never imports any of those.
Should an import leave something behind that does not survive a fork, it reports that and ends.
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
from codeserver.worker.process.originals import os
from codeserver.worker.user_files import is_users_file, origin_of

_at_start: set[str] = set()


def remember_start() -> None:
    """Remember what is imported now: every host has it."""
    _at_start.update(sys.modules)


def installed() -> InstalledPackages:
    """Installed packages that the code of this process has imported."""
    names = [
        name
        for name, module in list(sys.modules.items())
        if name not in _at_start and _is_installed(module)
    ]
    folders = [path for path in sys.path if os.path.basename(path).endswith("-packages")]
    return InstalledPackages(names, folders)


def serve(channel: Channel, roles: Mapping[str, Role], prepare: Callable[[], None]) -> Main | int:
    """Import modules as ordered, then fork on demand.

    Some modules read variables when they are imported, and the user's code may have set those.

    Args:
        channel: to the front.
        roles: those that children may have, by name.
        prepare: what all children would do anew, done once.
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
        os._exit(0)  # whatever else runs in here
    gc.collect()
    known = set(sys.modules)
    prepare()
    _at_start.update(set(sys.modules) - known)  # no load has asked for these
    channel.send(Imported())
    return ForkLoop(channel, roles).run() or 0


def _import(names: Sequence[str], descriptors: set[int], threads: set[int]) -> Unfit | None:
    """Import these modules; returns the one that did something it should not, if one did."""
    before = _facts()
    for name in names:
        if name in sys.modules:
            continue
        known = set(sys.modules)
        # What cannot be imported like this is imported by the user's code when it wants it.
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
        if users := next(_of_user(set(sys.modules) - known), None):
            return Unfit(name, f"imports {users}, which is not installed")
        if (now := _facts()) != before:
            before = now
            if reasons := reasons_not_to_fork(descriptors, threads):
                return Unfit(name, "; ".join(reasons))
    return None


def _facts() -> tuple[object, ...]:
    """What a look at everything is worth for: numbers of threads and open files, and signals."""
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
    """Have these variables meanwhile; what is imported may set some, and those stay."""
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
