"""How long is waited for a native thread that has not come to rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codeserver.worker.process import native_threads

WAITING = "202 0x7f00 0x80 0x0 0x0 0x0 0x0 0x7ffe10 0x7f0020"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were slept; each time, the machine stops this process for an hour."""
    slept: list[float] = []
    monkeypatch.setattr(native_threads.time, "sleep", slept.append)
    monkeypatch.setattr(native_threads.time, "monotonic", lambda: 3600.0 * len(slept))
    return slept


@pytest.mark.parametrize(("running", "found"), [(0, 0x7FFE10), (1500, 0x7FFE10), (1501, None)])
def test_a_thread_that_runs_at_first(
    running: int, found: int | None, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: Iterator[str] = iter([*["running"] * running, WAITING])
    monkeypatch.setattr(native_threads, "_read", lambda _: next(said))

    pointer = native_threads._stack_pointer(1, iter(range(native_threads._MOST_PAUSES)))

    assert pointer == found
    assert len(clock) == min(running, 1500)
    assert sum(clock) <= 3.0 + 1e-6
