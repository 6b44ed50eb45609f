"""Keep unit tests fast: they start no process, and collect no garbage that is none."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from codeserver.supervisor.processes import patience

FILTERS = ("dot", "hadolint")
"""Programs that are functions of what they read."""


@pytest.fixture(scope="session", autouse=True)
def frozen_imports() -> Iterator[None]:
    """Keep what is imported by now, most of it Dagster, out of every further `gc.collect()`.

    The one after each asynchronous test would take longer than the test.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def no_process() -> Iterator[None]:
    """A test that starts one belongs to `tests/process`."""

    def refuse(what: object, *_: object, **__: object) -> NoReturn:
        raise AssertionError(f"a unit test starts a process: {what}")

    start = subprocess.Popen.__init__

    def start_filter(popen: Any, command: Any, *more: Any, **options: Any) -> None:
        if Path(command[0]).name not in FILTERS:
            refuse(command)
        start(popen, command, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", lambda: refuse("a fork"))
        patch.setattr(subprocess.Popen, "__init__", start_filter)
        yield


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that do not end when they are asked to are killed soon."""
    monkeypatch.setattr(patience, "END_GRACE", 0.02)


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that do not end when they are asked to are not killed in this test."""
    monkeypatch.setattr(patience, "END_GRACE", 3600.0)


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that have closed their connection are soon taken to go on all the same."""
    monkeypatch.setattr(patience, "EXIT_REPORT", 0.02)


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    """Undo what setting up the log does to the loggers."""
    loggers = [logging.getLogger(name) for name in ("codeserver", "codeserver.output")]
    before = [(each.handlers, each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)
