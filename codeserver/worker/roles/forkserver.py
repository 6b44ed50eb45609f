"""The forkserver: has Dagster imported, and forks a host for each generation of user code.

The front starts it with inherited descriptors, in a session of its own, so that Ctrl-C in a
terminal reaches only the front.
"""

from __future__ import annotations

import faulthandler
import gc
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.machinery import ModuleSpec
from typing import NoReturn

from codeserver import processes
from codeserver.facts import ImportedDagster
from codeserver.messages import Called, DagsterImported, DagsterMissing
from codeserver.system.files import allow_files
from codeserver.worker import dagster_installed
from codeserver.worker.dagster_installed import Installation, Unusable
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
    allow_files(most_files, hard)
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


def _missing(error: BaseException, installed: Installation) -> str:
    """Why this Python cannot load code: its Dagster is missing, broken, or too old or too new."""
    if isinstance(error, Unusable):
        return f"Dagster cannot be imported by {sys.executable}: {error}"
    if installed.is_newer_than_tested and "codeserver.worker.dagster_internals" in sys.modules:
        error = dagster_installed.misfit(installed, [" ".join(str(error).split())])
        return f"Dagster cannot be imported by {sys.executable}: {error}"
    is_there = f" (Dagster {installed.version} is installed there)" if installed.folder else ""
    return f"Dagster cannot be imported by {sys.executable}{is_there}: {error!r}"


def _report(installed: Installation) -> ImportedDagster:
    """What there is to say about the Dagster that was imported.

    Raises:
        Unusable: its internals do not fit.
    """
    from codeserver.worker import dagster_internals
    from codeserver.worker.dagster_internals import fit, wire_contract

    remarks = dagster_installed.remarks(installed)
    if installed.is_newer_than_tested:
        if reasons := fit.misfits(dagster_internals):
            raise dagster_installed.misfit(installed, reasons)
        new = wire_contract.differences(installed.folder)
        remarks.append(dagster_installed.too_new(installed, new))
    python, version = sys.version.split()[0], dagster_internals.VERSION
    remarks += dagster_internals.lacks()
    return ImportedDagster(python, version, installed.marks, remarks)


def _serve(channel: Channel) -> Main | int:
    called = channel.expect(Called)
    if called is None:
        return 0
    _look_like(list(called.argv))
    installed = dagster_installed.look()
    try:
        dagster_installed.refuse_too_old(installed)
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

            report = _report(installed)
    except BaseException as error:
        channel.send(DagsterMissing(_missing(error, installed)))
        return 1
    template.remember_start()
    surroundings.remember_start()
    # No gc.collect() before: it takes a tenth of the time of the imports, which every start waits
    # for, and finds next to nothing.
    gc.freeze()
    channel.send(DagsterImported(report))
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
    # Only the first one reports: that of a location would repeat it.
    quiet = replace(report, remarks=[])
    of_location = Role(
        lambda channel, _: partial(_serve_location, channel, quiet, roles, preparing.prepare),
        ahead=base.share,
    )
    return ForkLoop(channel, {**roles, "forkserver": of_location}, preparing.prepare).run() or 0


def _serve_location(
    channel: Channel,
    report: ImportedDagster,
    roles: Mapping[str, Role],
    prepare: Callable[[], None],
) -> Main | int:
    """Be the forkserver of one of several locations, as a fork of the one that they share."""
    processes.adopt_descendants()
    channel.send(DagsterImported(report))
    return ForkLoop(channel, roles, prepare).run() or 0
