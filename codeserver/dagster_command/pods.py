"""`dagster api execute_run` and `dagster api execute_step`, which run launchers start in pods.

Dagster executes them; this module only makes them begin sooner. Their behaviour and output are the
same. If Dagster differs from version 1.13 in the parts used here, they begin as usual.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codeserver.dagster_command.deferring import defer

Command = Callable[[], None]

_COMMANDS = {"execute_run": "execute_run_command", "execute_step": "execute_step_command"}
"""Names of the commands in `dagster._cli.api`."""

_PACKAGES = {"dagster._daemon": "types", "dagster._cli": "api"}
"""Packages of which a run needs a single module, and that module."""

_INPUT = "--compressed-input-json"

_WARM_STEPS = "CODESERVER_WARM_STEPS"
"""The variable of `--warm-steps`."""

_POLL_SECONDS = 0.25
"""Pause between looks for events of step pods, in the pod of a run."""

_COLLECT_WHILE_LOADING = (50_000, 20, 50)
"""Thresholds of the garbage collector: garbage does not pile up, and collections cost little."""


def command(name: str, arguments: Sequence[str]) -> Command | None:
    """The function that executes the run or the step of these arguments.

    It does not return, but ends as Dagster's own command: with `SystemExit` or another exception.

    Args:
        name: `execute_run` or `execute_step`.
        arguments: arguments after the name.

    Returns:
        None if the command is left to Dagster's whole command line: help, mistakes, and so on.
    """
    found = None
    if _is_plain(arguments):
        # After any error here, Dagster's own command line runs, and reports it if it persists.
        with contextlib.suppress(Exception):
            with _no_collection():
                found = _prepared(name)
            _until_loaded()
    if found is None:
        return None
    click_command = found

    def execute() -> None:
        if name == "execute_run" and os.environ.get(_WARM_STEPS) != "off":
            _fork_steps()
        click_command.main(
            list(arguments),
            prog_name=f"dagster api {name}",
            auto_envvar_prefix=f"DAGSTER_CLI_API_{name.upper()}",
        )

    return execute


def _fork_steps() -> None:
    """Have the steps of this run forked. In the process that forks them, this does not return."""
    from codeserver.worker.process.forking import trampoline
    from codeserver.worker.steps.forking import fork_steps

    steps = fork_steps()
    if callable(steps):
        os._exit(trampoline(steps))


def _is_plain(arguments: Sequence[str]) -> bool:
    """Whether the arguments are only the input, or none because a variable has the input."""
    if len(arguments) == 2:
        return arguments[0] == _INPUT and not arguments[1].startswith("-")
    return not arguments or (len(arguments) == 1 and not arguments[0].startswith("-"))


def _prepared(name: str) -> Any:
    """The command, after importing the modules that every run needs."""
    importlib.import_module("dagster")
    for package, needed in _PACKAGES.items():
        defer(package, needed)
    found = getattr(importlib.import_module("dagster._cli.api"), _COMMANDS[name])
    from codeserver.worker import dagster_internals as dagster
    from codeserver.worker.loading.import_path import keep_working_directory

    dagster.keep_migrations(now=False)
    keep_working_directory()
    return found


def _until_loaded() -> None:
    """Collect garbage seldom until the code is loaded; only then look what executors it has."""
    from codeserver.worker import dagster_internals as dagster

    as_before = _collect_seldom()

    def loaded() -> None:
        as_before()
        dagster.poll_steps_sooner(_POLL_SECONDS)

    try:
        dagster.call_when_loaded(loaded)
    except Exception:
        as_before()
        raise


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Turn the garbage collector off in a block, and freeze all objects at its end."""
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        yield
    finally:
        gc.set_threshold(*before)
    gc.freeze()


def _collect_seldom() -> Callable[[], None]:
    """Collect garbage seldom from now on.

    Returns:
        A function that restores the thresholds, unless others have changed them meanwhile.
    """
    before = gc.get_threshold()
    if before[0] == 0:
        return lambda: None
    gc.set_threshold(*_COLLECT_WHILE_LOADING)
    # Some versions of Python ignore some of the thresholds.
    meanwhile = gc.get_threshold()

    def as_before() -> None:
        if gc.get_threshold() == meanwhile:
            gc.set_threshold(*before)

    return as_before
