"""`dagster api execute_run` and `dagster api execute_step`, which run launchers start in pods.

Dagster executes them; here it is only made to begin sooner. Nothing of what it does, says or writes
is different, and where Dagster is not what it was in 1.13, it begins as ever.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codeserver.dagster_command.deferring import defer

Command = Callable[[], None]

_COMMANDS = {"execute_run": "execute_run_command", "execute_step": "execute_step_command"}
"""By the word for them, what they are called in `dagster._cli.api`."""

_PACKAGES = {"dagster._daemon": "types", "dagster._cli": "api"}
"""Packages of which a run needs one module, and that module."""

_INPUT = "--compressed-input-json"

_COLLECT_WHILE_LOADING = (50_000, 20, 50)
"""Often enough that garbage does not pile up, and seldom enough that it takes no time."""


def command(name: str, arguments: Sequence[str]) -> Command | None:
    """What executes the run or the step that these arguments name.

    It does not return, but ends as Dagster's own: with `SystemExit`, or what it raises.

    Args:
        name: `execute_run` or `execute_step`.
        arguments: what follows that.

    Returns:
        None for what Dagster's whole command line has to do: help, and what it refuses.
    """
    found = None
    if _is_plain(arguments):
        # Whatever is wrong, Dagster itself says so.
        with contextlib.suppress(Exception):
            with _no_collection():
                found = _prepared(name)
            _collect_seldom_until_loaded()
    if found is None:
        return None
    click_command = found

    def execute() -> None:
        click_command.main(
            list(arguments),
            prog_name=f"dagster api {name}",
            auto_envvar_prefix=f"DAGSTER_CLI_API_{name.upper()}",
        )

    return execute


def _is_plain(arguments: Sequence[str]) -> bool:
    """Whether these are the input, or nothing because it is in a variable, and nothing else."""
    if len(arguments) == 2:
        return arguments[0] == _INPUT and not arguments[1].startswith("-")
    return not arguments or (len(arguments) == 1 and not arguments[0].startswith("-"))


def _prepared(name: str) -> Any:
    """The command, with everything imported that every run needs."""
    importlib.import_module("dagster")
    for package, needed in _PACKAGES.items():
        defer(package, needed)
    found = getattr(importlib.import_module("dagster._cli.api"), _COMMANDS[name])
    from codeserver.worker import dagster_internals as dagster
    from codeserver.worker.loading.import_path import keep_working_directory

    dagster.keep_migrations(now=False)
    keep_working_directory()
    return found


def _collect_seldom_until_loaded() -> None:
    from codeserver.worker import dagster_internals as dagster

    as_before = _collect_seldom()
    try:
        dagster.call_when_loaded(as_before)
    except Exception:
        as_before()
        raise


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Do not look for garbage in here, and leave alone for ever what is there afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        yield
    finally:
        gc.set_threshold(*before)
    gc.freeze()


def _collect_seldom() -> Callable[[], None]:
    """Look for garbage seldom from now on.

    Returns:
        What makes it as it was before, unless somebody has set it otherwise meanwhile.
    """
    before = gc.get_threshold()
    if before[0] == 0:
        return lambda: None
    gc.set_threshold(*_COLLECT_WHILE_LOADING)
    # Not each version of Python keeps all of them.
    meanwhile = gc.get_threshold()

    def as_before() -> None:
        if gc.get_threshold() == meanwhile:
            gc.set_threshold(*before)

    return as_before
