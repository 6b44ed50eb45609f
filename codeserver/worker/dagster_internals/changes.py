"""Changes in Dagster's own modules, in the processes that need them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing.context import BaseContext
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from codeserver.worker.dagster_internals.names import (
    DefinitionsLoadContext,
    Executor,
    PlanOrchestrationContext,
    RepositoryDefinition,
    check,
    compute_logs,
    multiprocess,
    sql,
)


def keep_migrations(now: bool = True) -> None:
    """Read the migrations of Dagster's SQLite databases once, for this process and its forks.

    Whenever Dagster opens a database, it compares its revision with the newest one. For that, it
    imports some ninety files of its package, and looks up the tables of the database.

    Args:
        now: read them at once, not at the first use.
    """

    @cache
    def kept() -> ScriptDirectory:
        config = Config()
        config.set_main_option("script_location", sql.ALEMBIC_SCRIPTS_LOCATION)
        return ScriptDirectory.from_config(config)

    class Kept:
        @staticmethod
        def from_config(config: Config) -> ScriptDirectory:
            is_dagsters = config.get_main_option("script_location") == sql.ALEMBIC_SCRIPTS_LOCATION
            return kept() if is_dagsters else ScriptDirectory.from_config(config)

    class Context:
        """A migration context that asks an SQLite database for its revision with one query."""

        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        @classmethod
        def configure(cls, connection: Connection) -> Any:
            is_sqlite = connection.dialect.name == "sqlite"
            return cls(connection) if is_sqlite else MigrationContext.configure(connection)

        def get_current_revision(self) -> str | None:
            with contextlib.suppress(OperationalError):  # a new database has no such table
                found = self._connection.exec_driver_sql("SELECT version_num FROM alembic_version")
                if len(rows := found.fetchall()) == 1:
                    return str(rows[0][0])
            return MigrationContext.configure(self._connection).get_current_revision()

    if now:
        kept().as_revision_number("head")
    vars(sql).update(ScriptDirectory=Kept, MigrationContext=Context)


def forget_load_context() -> None:
    """Let the next load begin without the context of an earlier one."""
    DefinitionsLoadContext._instance = None


def call_when_loaded(callback: Callable[[], None]) -> None:
    """Call a function once, after the user's code is loaded and before a job is taken from it."""
    _call_at_lookup(RepositoryDefinition, "get_maybe_subset_job_def", lambda _: callback())


def call_with_executor(callback: Callable[[Executor], None]) -> None:
    """Call a function once, with the executor of a run, right before it executes steps."""
    _call_at_lookup(PlanOrchestrationContext, "executor", callback)


def _call_at_lookup(owner: type, name: str, callback: Callable[[Any], None]) -> None:
    """Call a function with the value of an attribute at its first look-up.

    A wrapper of a method would add a frame to tracebacks.
    """
    attribute = owner.__dict__[name]

    class CallingBack:
        def __get__(self, instance: object, of: type) -> object:
            setattr(owner, name, attribute)
            value = attribute.__get__(instance, of)
            callback(value)
            return value

    setattr(owner, name, CallingBack())


def start_steps_with(context: BaseContext) -> None:
    """Start the steps of the multiprocess executor with a context of `multiprocessing`.

    A start method that the user has chosen is kept.
    """
    ours = "codeserver"

    class Multiprocessing:
        """`multiprocessing` for the module of the executor, with one more start method."""

        def __getattr__(self, name: str) -> object:
            return getattr(multiprocessing, name)

        def get_all_start_methods(self) -> list[str]:
            return [*multiprocessing.get_all_start_methods(), ours]

        def get_context(self, method: str) -> BaseContext:
            return context if method == ours else multiprocessing.get_context(method)

    class Checks:
        """Dagster's checks of arguments, for the same module."""

        def __getattr__(self, name: str) -> object:
            return getattr(check, name)

        def opt_str_param(self, value: object, name: str) -> str | None:
            checked = check.opt_str_param(value, name)
            return ours if checked is None and name == "start_method" else checked

    vars(multiprocess).update(multiprocessing=Multiprocessing(), check=Checks())


def poll_steps_sooner(seconds: float) -> None:
    """Have executors that start a pod for each step look for events this often by default.

    Dagster's default is a second (`step_delegating_executor._default_sleep_seconds`). Only code
    that is loaded already may have such an executor.
    """
    module = sys.modules.get("dagster._core.executor.step_delegating.step_delegating_executor")
    if module and "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS" not in os.environ:
        vars(module).update(_default_sleep_seconds=lambda: seconds)


def watch_logs_cheaply() -> None:
    """Start the process that watches the copying of a step's output without site packages.

    Dagster's script needs none (`dagster._core.execution.scripts.watch_orphans`), and they may take
    long to import.
    """

    class Subprocess:
        def __getattr__(self, name: str) -> object:
            return getattr(subprocess, name)

        def Popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: N802
            if command[0] == sys.executable:
                command = [sys.executable, "-S", *command[1:]]
            return subprocess.Popen(command, **options)

    vars(compute_logs).update(subprocess=Subprocess())
