"""How long is waited for a native thread that has not come to rest, and what its stack says."""

from __future__ import annotations

import ctypes
import mmap
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


@pytest.mark.parametrize(
    ("word", "found"), [(0x801000, frozenset()), (0x801234, frozenset({"python3"}))]
)
def test_the_size_of_a_stack_is_no_address_of_an_executable(
    word: int, found: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python 3.14 lies at addresses that are as large as the usual size of a stack."""
    stack = mmap.mmap(-1, mmap.PAGESIZE)
    words = (ctypes.c_void_p * 8).from_buffer(stack)
    words[5] = word
    begin = ctypes.addressof(words)
    maps = (
        "00422000-00844000 r-xp 00022000 fe:00 26 /usr/bin/python3.14\n"
        f"{begin:x}-{begin + mmap.PAGESIZE:x} rw-p 00000000 00:00 0"
    )
    monkeypatch.setattr(native_threads, "_read", lambda _: maps)

    assert native_threads._Memory().libraries(begin) == found
