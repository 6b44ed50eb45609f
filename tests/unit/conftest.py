"""Keep unit tests fast."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from codeserver.supervisor.evaluating import pool


@pytest.fixture(scope="session", autouse=True)
def frozen_imports() -> Iterator[None]:
    """Keep what is imported by now, most of it Dagster, out of every further `gc.collect()`.

    The one after each asynchronous test would take longer than the test.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that do not end when they are asked to are killed soon."""
    monkeypatch.setattr(pool, "KILL_GRACE", 0.02)


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that do not end when they are asked to are not killed in this test."""
    monkeypatch.setattr(pool, "KILL_GRACE", 3600.0)


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluators that have closed their connection are soon taken to go on all the same."""
    monkeypatch.setattr(pool, "_EXIT_PATIENCE", 0.02)


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    """Undo what setting up the log does to the loggers."""
    loggers = [logging.getLogger(name) for name in ("codeserver", "codeserver.output")]
    before = [(each.handlers, each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)
