"""Work for opening Dagster's instance, done once before runs and evaluators are forked.

Otherwise each of them would repeat it. Nothing is opened here: forks would share a connection.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.process import basics
from codeserver.worker.process.fork_safety import reasons_not_to_fork
from codeserver.worker.process.originals import os, signal
from codeserver.worker.user_files import is_users_file, origin_of

_MODULES = (
    "dagster._core.instance.factory",
    "dagster._core.system_config.composite_descent",
    "multiprocessing.resource_tracker",
    "upath.core",
    "upath.implementations.local",
)

_USED_BY_EACH_RUN = (
    "local_artifact_storage",
    "storage",
    "run_storage",
    "event_storage",
    "schedule_storage",
    "scheduler",
    "secrets_loader",
    "defs_state_storage",
    "compute_logs",
)
"""Parts of an instance that every run creates; others are created on demand."""

_LONGEST = 30
"""Time limit of a trial, in seconds."""


_done: set[str] = set()
"""Set when this process, or one that it is a fork of, has been prepared."""


_found: dict[str, Sequence[str]] = {}
"""The modules of an instance by the text of its settings, as far as this process has read any."""


def prepare() -> None:
    """Import the modules for opening an instance, and read the migrations of SQLite databases."""
    if not _done:
        _done.add("prepared")
        with contextlib.suppress(Exception):
            _import((*_MODULES, *_modules_by_default()))
            dagster.keep_migrations()
    gc.freeze()


def prepare_instance() -> None:
    """Like `prepare`, and also import the storages of this server's own instance.

    They come from other packages, such as `dagster_postgres`. They are imported only if the process
    can still be forked afterwards.
    """
    with contextlib.suppress(Exception):
        names = [name for name in _modules_of_instance() if name not in sys.modules]
        if names and _is_harmless(names):
            _import(names)
    prepare()


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _modules_by_default() -> Iterator[str]:
    """The modules of an instance's classes under default settings."""
    defaults = dagster.InstanceRef.config_defaults("")
    for name in _USED_BY_EACH_RUN:
        if (data := defaults.get(name)) is not None:
            yield data.module_name


def _modules_of_instance() -> Sequence[str]:
    """The modules of the classes of the instance in DAGSTER_HOME.

    Empty if that has a class of its own: reading its settings would import code of the user.
    """
    home = os.path.expanduser(os.environ.get("DAGSTER_HOME", ""))
    try:
        with open(os.path.join(home, "dagster.yaml"), encoding="utf-8") as file:
            settings = file.read()
    except OSError:
        return ()
    if not home or "instance_class" in settings:
        return ()
    if settings not in _found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ref = dagster.InstanceRef.from_dir(home)
        found = (getattr(ref, f"{name}_data", None) for name in _USED_BY_EACH_RUN)
        _found[settings] = [data.module_name for data in found if data is not None]
    return _found[settings]


def prepare_ahead() -> None:
    """Like `prepare`, and also read the settings of this server's own instance."""
    prepare()
    with contextlib.suppress(Exception):
        _modules_of_instance()


def _is_harmless(names: Sequence[str]) -> bool:
    """Whether a process that imports these modules can still be forked, as tried in a fork.

    Modules that import gRPC or a file of the user are not harmless.
    """
    basics.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_LONGEST)
            code = _rehearse(names)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


def _rehearse(names: Sequence[str]) -> int:
    known = set(sys.modules)
    own = basics.open_descriptors(), basics.threads()
    for name in names:
        importlib.import_module(name)
    new = set(sys.modules) - known
    origins = [origin_of(sys.modules.get(name)) for name in new]
    has_users = any(origin and is_users_file(origin) for origin in origins)
    signal.alarm(0)  # a running timer would be a reason not to fork
    return int(has_users or "grpc" in new or bool(reasons_not_to_fork(*own)))
