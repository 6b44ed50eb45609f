"""Threads of this process that Python does not know, and the libraries they belong to (Linux).

Most libraries do not name their threads. But the stack of a waiting thread holds return addresses,
and these lie in the library that started it.
"""

from __future__ import annotations

import re
import time
from bisect import bisect
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from codeserver.worker.process.originals import os

_PAUSE = 0.002
_MOST_PAUSES = 1500
"""Pauses until threads have begun to wait: three seconds in all. Counted, not timed, because on a
busy machine this process may be stopped meanwhile, and those threads with it.

Threads of OpenBLAS spin first, for 2^26 ticks of a clock (`thread_timeout` in its blas_server.c):
25 ms on a PC, but more on ARM, where that clock is slower.
"""

_LONGEST_STACK = 1 << 20
"""Maximum size of a stack to read, in bytes. A pool that waits for work uses a few thousand."""

_PAGE = 4096
"""The smallest size of a page, in bytes.

Executables of Debian lie at the fixed addresses from 0x400000 on. Numbers in that range are also
sizes, such as that of the stack of a thread, which glibc keeps at its end.
"""

_SYSTEM = frozenset({"c", "pthread", "m", "stdc++", "gcc_s", "ld"})
"""Libraries with code on the stack of every thread."""


@dataclass(frozen=True)
class NativeThread:
    """A thread of this process.

    Attributes:
        name: the name that the library gave it; None if it has none.
        libraries: names of the libraries with code on its stack, without `lib` and version, and
            without the system's; empty if unknown. A library that is part of a package has the
            package's name.
    """

    name: str | None
    libraries: frozenset[str]


def native_threads(but: Collection[int]) -> list[NativeThread]:
    """The threads of this process, without those with the kernel ids in `but`.

    Raises:
        OSError: /proc cannot be read.
        ValueError: /proc does not have the format of Linux.
    """
    own_name = _read("comm")
    pauses = iter(range(_MOST_PAUSES))
    ids = set(map(int, os.listdir("/proc/self/task"))).difference(but)
    memory = _Memory() if ids else None
    found = []
    for thread in ids:
        try:
            name = _read(f"task/{thread}/comm")
            pointer = _stack_pointer(thread, pauses)
            libraries = memory.libraries(pointer) if memory and pointer else frozenset[str]()
        except OSError:
            if _exists(thread):
                raise
        else:
            found.append(NativeThread(None if name == own_name else name, libraries))
    return found


def _read(path: str) -> str:
    with open(f"/proc/self/{path}", errors="replace") as file:
        return file.read().strip()


def _exists(thread: int) -> bool:
    return os.path.exists(f"/proc/self/task/{thread}")


def _stack_pointer(thread: int, pauses: Iterator[int]) -> int | None:
    """The stack pointer of a waiting thread; None if it cannot be read."""
    while True:
        try:
            where = _read(f"task/{thread}/syscall").split()
        except FileNotFoundError:
            if _exists(thread):
                return None  # not every kernel has this file
            raise
        # A thread that is about to end has no stack.
        if where != ["running"] and (pointer := int(where[-2], 16)):
            return pointer
        if next(pauses, None) is None:
            return None
        time.sleep(_PAUSE)


@dataclass(frozen=True)
class _Mapping:
    start: int
    end: int
    library: str | None


class _Memory:
    """The memory mappings of this process."""

    def __init__(self) -> None:
        self._mappings: list[_Mapping] = []
        for line in _read("maps").splitlines():
            addresses, permissions, _, _, inode, *path = line.split(maxsplit=5)
            start, end = (int(address, 16) for address in addresses.split("-"))
            is_code = "x" in permissions and inode != "0"
            self._mappings.append(_Mapping(start, end, _library(path[0]) if is_code else None))
        self._starts = [mapping.start for mapping in self._mappings]
        self._bits = _address_bits(os.uname().machine, self._mappings[-1].end)

    def libraries(self, stack_pointer: int) -> frozenset[str]:
        """The libraries that a stack refers to; empty if it cannot be read."""
        stack = self._at(stack_pointer)
        if stack is None:
            return frozenset()
        # From glibc 2.42 on, stacks lie side by side in one mapping. The guard page below the next
        # one ends the reading.
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            memory.seek(stack_pointer)
            content = memory.read(min(stack.end - stack_pointer, _LONGEST_STACK + 1))
        if len(content) > _LONGEST_STACK:
            return frozenset()
        addresses = {word & self._bits for word in memoryview(content).cast("P") if word % _PAGE}
        found = {mapping.library for each in addresses if (mapping := self._at(each))}
        return frozenset(library for library in found if library) - _SYSTEM

    def _at(self, address: int) -> _Mapping | None:
        index = bisect(self._starts, address) - 1
        if index >= 0 and address < self._mappings[index].end:
            return self._mappings[index]
        return None


def _address_bits(machine: str, highest: int) -> int:
    """The bits of a word that are an address, of a return address in particular.

    ARM processors sign return addresses in the bits above the address space, where the system
    libraries are built for that (pointer authentication).
    """
    is_signed = machine.startswith(("aarch64", "arm64"))
    return (1 << highest.bit_length()) - 1 if is_signed else -1


def package_of(path: str) -> str:
    """The installed package that a file belongs to; empty if there is none."""
    _, is_installed, inside = path.rpartition("-packages/")
    return re.split(r"[/.]", inside)[0].lstrip("_") if is_installed else ""


def _library(path: str) -> str:
    """The name of a library that a user would recognize.

    `scipy_openblas64_` for `/x/libscipy_openblas64_-32a4b2a6.so`, and for an extension module its
    package: `numexpr` for `/x/site-packages/numexpr/interpreter.cpython-311-x86_64-linux-gnu.so`.
    """
    name = os.path.basename(path)
    if not name.startswith("lib") and (package := package_of(path)):
        return package
    found = re.match(r"(?:lib)?([^.-]+)", name)
    return found[1] if found else path
