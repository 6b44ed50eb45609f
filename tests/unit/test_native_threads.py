"""Native threads: the wait for one that has not come to rest, and the words of its stack."""

from __future__ import annotations

import _ctypes
import ctypes
import mmap
import re
import sys
from collections.abc import Iterator

import pytest

from codeserver.worker.process import native_threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of stacks")

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


@pytest.mark.parametrize(
    ("machine", "highest", "word", "address"),
    [
        ("x86_64", 0xFFFFFFFFFF601000, 0x00007F12_34567890, 0x00007F12_34567890),
        ("x86_64", 0xFFFFFFFFFF601000, 0x5A5A7F12_34567890, 0x5A5A7F12_34567890),
        ("aarch64", 0x0000FFFF_FFFFF000, 0x0000AAAA_12345678, 0x0000AAAA_12345678),
        ("aarch64", 0x0000FFFF_FFFFF000, 0x003CAAAA_12345678, 0x0000AAAA_12345678),
        ("aarch64", 0x0000007F_FFFFF000, 0x003C0055_12345678, 0x00000055_12345678),  # 39 bits
        ("arm64", 0x0000FFFF_FFFF0000, 0xB23CAAAA_12345678, 0x0000AAAA_12345678),
        ("armv7l", 0xFFFF1000, 0xB6F01235, 0xB6F01235),
        ("riscv64", 0x00000040_00000000, 0x0000003F_F7E01234, 0x0000003F_F7E01234),
        ("ppc64le", 0x00007FFF_F0000000, 0x00007FFF_A0001234, 0x00007FFF_A0001234),
    ],
)
def test_the_address_in_a_word(machine: str, highest: int, word: int, address: int) -> None:
    assert word & native_threads._address_bits(machine, highest) == address


@linux
@pytest.mark.parametrize(("machine", "is_found"), [("x86_64", False), ("aarch64", True)])
def test_a_signed_return_address(
    machine: str, is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = mmap.mmap(-1, mmap.PAGESIZE)
    maps = native_threads._read("maps")
    own = re.search(rf"([0-9a-f]+)-\S+ r-xp .*{re.escape(_ctypes.__file__)}", maps)
    assert own, "the code of an extension module"
    words = (ctypes.c_size_t * (len(stack) // 8)).from_buffer(stack)
    words[0] = 0x003C << 48 | int(own[1], 16) + 16
    uname = type("", (), {"machine": machine})
    monkeypatch.setattr(native_threads.os, "uname", lambda: uname)
    # On a PC, the highest addresses are the kernel's.
    lines = [line for line in maps.splitlines() if "vsyscall" not in line]
    monkeypatch.setattr(native_threads, "_read", lambda _: "\n".join(lines))

    found = native_threads._Memory().libraries(ctypes.addressof(words))

    assert found == ({"_ctypes"} if is_found else set())
