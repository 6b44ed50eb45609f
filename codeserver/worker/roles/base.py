"""The base: a forkserver from which the forkservers of several locations are forked.

Memory that a process writes to is no longer shared with its parent, and Python writes to whatever
it uses. Dagster fills much at first use, and so would each of the locations for itself. So a base
does it once, with small definitions of its own, before it forks the first forkserver.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections.abc import Iterator

from codeserver.facts import LoadOrder
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing import snapshots
from codeserver.worker.loading.location import import_and_resolve
from codeserver.worker.process import basics, preparing
from codeserver.worker.process.originals import signal
from codeserver.worker.roles import template

_SAMPLE = "codeserver.worker.loading.sample"
_INTERRUPTING = (signal.SIGINT, signal.SIGTERM)
"""Signals for which Dagster leaves handlers behind."""


def share() -> None:
    """Do once what all locations would repeat."""
    preparing.prepare_ahead()
    with contextlib.suppress(Exception), _without_traces(), basics.no_garbage_collection():
        _use_dagster()
    # Each load invalidates these caches, which writes to every one of them.
    sys.path_importer_cache.clear()
    gc.collect()
    gc.freeze()
    template.remember_start()  # the user's code does not need what is imported now


@contextlib.contextmanager
def _without_traces() -> Iterator[None]:
    """Restore the facts about this process that Dagster changes in the block."""
    handlers = {number: signal.getsignal(number) for number in _INTERRUPTING}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        dagster.forget_load_context()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _use_dagster() -> None:
    """Load and describe definitions."""
    target = {
        **dict.fromkeys(("python_file", "package_name", "attribute", "working_directory")),
        **{"module_name": _SAMPLE, "autoload_defs_module_name": None},
    }
    location = import_and_resolve(LoadOrder(target, sys.executable, ["dagster"]))
    snapshots.list_repositories(location)
    for repository in location.repositories.values():
        dagster.serialize_value(snapshots.described(repository))
        for name in repository.job_names:
            snapshots.job(repository, name)
