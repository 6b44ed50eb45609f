"""The forkserver: has Dagster imported, and forks a host for each generation of user code.

The front starts it with inherited descriptors, in a session of its own, so that Ctrl-C in a
terminal reaches only the front.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.machinery import ModuleSpec
from typing import NoReturn

from codeserver import processes
from codeserver.messages import Called, DagsterImported, DagsterMissing
from codeserver.worker.process import basics, stdio
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.forking import ForkLoop, Main, Role, trampoline
from codeserver.worker.process.leaving import leave
from codeserver.worker.process.originals import os


def main(fd: int, log: int, parent: int, most_files: int, seeded: int) -> NoReturn:
    """Obey orders of the front over `fd`.

    Args:
        fd: the inherited socket to the front.
        log: the inherited log of the server.
        parent: process id of the front.
        most_files: the operator's limit of open files; that of the front may be higher.
        seeded: whether the front, and not the operator, has chosen the hash seed.
    """
    basics.die_with_parent(parent)
    processes.set_name("forkserver")
    # A run whose host has died is then a child of the forkserver, which reports its end.
    processes.adopt_descendants()
    stdio.keep_log(log)
    if seeded:
        # Programs that user code starts choose their own seeds.
        os.environ.pop("PYTHONHASHSEED", None)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, hard))
    # Prints the stack when native code crashes; every fork inherits it.
    faulthandler.enable()
    code = trampoline(lambda: _serve(Channel.from_fd(fd)))
    # Every fork ends here. Not sys.exit: native libraries print pages of warnings when Python is
    # torn down, and hosts end all the time.
    leave(code, ())


def _look_like(argv: list[str]) -> None:
    """Take on the server's command line, as processes of Dagster's server do."""
    sys.argv = argv
    if os.path.isfile(argv[0]):
        main = sys.modules["__main__"]
        main.__file__ = os.path.abspath(argv[0])
        # New processes of `multiprocessing` do not import a main module of this name.
        main.__spec__ = ModuleSpec("codeserver.__main__", None)


def _missing(error: BaseException) -> str:
    """Why this Python cannot load code: its Dagster is missing, broken, or too old or too new."""
    is_there = ""
    with contextlib.suppress(Exception):
        from importlib import metadata

        is_there = f" (Dagster {metadata.version('dagster')} is installed there)"
    return f"Dagster cannot be imported by {sys.executable}{is_there}: {error!r}"


def _serve(channel: Channel) -> Main | int:
    called = channel.expect(Called)
    if called is None:
        return 0
    _look_like(list(called.argv))
    try:
        # Garbage collection would take a fifth of the time and find nothing.
        with basics.no_garbage_collection():
            from codeserver.worker.loading import surroundings
            from codeserver.worker.process import preparing
            from codeserver.worker.roles import (
                base,
                caretaker,
                evaluator,
                host,
                rehearsing,
                run,
                template,
            )
    except BaseException as error:
        channel.send(DagsterMissing(_missing(error)))
        return 1
    template.remember_start()
    surroundings.remember_start()
    # No gc.collect() before: it takes a tenth of the time of the imports, which every start waits
    # for, and finds next to nothing.
    gc.freeze()
    channel.send(DagsterImported(sys.version.split()[0]))
    importing = {
        "host": Role(lambda channel, _: partial(host.serve, channel)),
        "rehearsal": Role(lambda channel, _: partial(rehearsing.rehearse, channel)),
        "evaluator": Role(lambda channel, _: partial(evaluator.load_and_serve, channel)),
        "run": Role(
            lambda channel, readers: partial(run.reimport_and_execute, channel, readers),
            outlives_parent=True,
        ),
    }
    roles = {
        **importing,
        "template": Role(
            lambda channel, _: partial(template.serve, channel, importing, preparing.prepare)
        ),
        "caretaker": Role(
            lambda channel, _: partial(caretaker.record_end, channel), outlives_parent=True
        ),
    }
    of_location = Role(
        lambda channel, _: partial(_serve_location, channel, roles, preparing.prepare),
        ahead=base.share,
    )
    return ForkLoop(channel, {**roles, "forkserver": of_location}, preparing.prepare).run() or 0


def _serve_location(
    channel: Channel, roles: Mapping[str, Role], prepare: Callable[[], None]
) -> Main | int:
    """Be the forkserver of one of several locations, as a fork of the one that they share."""
    processes.adopt_descendants()
    channel.send(DagsterImported(sys.version.split()[0]))
    return ForkLoop(channel, roles, prepare).run() or 0
