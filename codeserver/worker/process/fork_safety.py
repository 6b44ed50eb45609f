"""The audit of a process that has loaded the user's code: can it be forked safely?

A fork copies all memory but only one thread. Locks that other threads hold stay locked in it, and
work is queued for threads that do not exist. Sockets and the like are shared, not copied. Libraries
handle this differently, so the rules here were measured with the libraries themselves
(`tests/process/parts/test_fork_safety.py`). In doubt, a fork is not trusted.
"""

from __future__ import annotations

import contextlib
import fcntl
import stat
import sys
import threading
from collections.abc import Collection, Iterator
from itertools import groupby
from types import FrameType

from codeserver.system import IS_LINUX
from codeserver.worker.process.inherited_files import why_shared
from codeserver.worker.process.native_threads import NativeThread, native_threads, package_of
from codeserver.worker.process.originals import os, signal, socket

_UNKNOWN = "that `threading` does not know"

_SAFE_THREADS = frozenset(
    {
        "jemalloc_bg_thd",  # jemalloc handles forks (`background_thread_postfork_child`)
        "polars-ooc-clea",  # removes what polars has spilled; without it, a later process does
    }
)
"""Thread names as the kernel shows them, cut after 15 bytes."""

_EVENT_LOOPS = {"eventpoll": "epoll", "io_uring": "io_uring"}
_SAFE_OBJECTS = frozenset({"eventfd", "timerfd", "signalfd", "pidfd"})

_READ_VERSION = 19
"""Offset of the read version in an SQLite database: 1, or 2 for write-ahead logs (fileformat2)."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""Signals that a fork resets; it inherits the handlers of others."""

_NOT_THE_USERS = ("dagster", "codeserver", "signal", "_signal")
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)

_MEMORY_DEVICES = 1
"""The major number of null, zero, full, random and urandom (devices.txt of the kernel)."""


def reasons_not_to_fork(own_fds: Collection[int], own_threads: Collection[int] = ()) -> list[str]:
    """Reasons not to trust a fork of this process; empty if it can be trusted.

    Args:
        own_fds: descriptors that are not the user's. The standard streams never count.
        own_threads: the kernel's ids of the threads that existed right after this process was
            forked. They restarted after that fork, and will restart after the next one.

    Returns:
        Short sentences for people, without a full stop.
    """
    if not IS_LINUX:
        return ["forks can be trusted on Linux only"]
    try:
        reasons = [
            *_python_threads(own_threads),
            *_native_threads(own_threads),
            *_descriptors(own_fds),
            *_shared_memory(),
            *signals_taken(),
        ]
    except Exception as error:  # after any error, nothing is known
        reasons = [f"what this process uses cannot be seen: {error}"]
    return list(dict.fromkeys(reasons))


def _python_threads(own: Collection[int]) -> Iterator[str]:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.native_id not in own:
            yield f"a Python thread is running: {thread.name}"


def _native_threads(own: Collection[int]) -> Iterator[str]:
    # This thread separately: in a fork, Python still reports its old id (3.11).
    known = {
        *own,
        threading.get_native_id(),
        *(each.native_id or 0 for each in threading.enumerate()),
    }
    unsafe = [thread for thread in native_threads(but=known) if not _is_safe(thread)]
    for owner, threads in groupby(sorted(unsafe, key=_owner), _owner):
        names = sorted({thread.name for thread in threads if thread.name})
        if len(names) > 3:
            names[3:] = ["..."]
        yield f"{owner} is running" + (f" ({', '.join(names)})" if names else "")


def _owner(thread: NativeThread) -> str:
    if thread.name is None and any(name.startswith("python") for name in thread.libraries):
        packages = ", ".join(sorted({*_packages_of_unknown_threads()}))
        return f"a Python thread {f'of {packages}' if packages else _UNKNOWN}"
    return "a native thread of " + (", ".join(sorted(thread.libraries)) or "an unknown library")


def _packages_of_unknown_threads() -> Iterator[str]:
    """Installed packages on the stacks of Python threads that `threading` does not know."""
    known = {thread.ident for thread in threading.enumerate()}
    for ident, innermost in sys._current_frames().items():
        frame: FrameType | None = innermost if ident not in known else None
        while frame is not None:
            if package := package_of(frame.f_code.co_filename):
                yield package
                break
            frame = frame.f_back


def _is_safe(thread: NativeThread) -> bool:
    if thread.name in _SAFE_THREADS:
        return True
    if thread.libraries == {"arrow"}:
        # Arrow's pools restart in the child (ARROW-2963, ARROW-17975). Their threads have no names;
        # threads of the AWS SDK in older releases of the same library do.
        return thread.name is None
    if "numexpr" in thread.libraries and thread.libraries <= {"numexpr", "numpy"}:
        # numexpr notices that it is in another process, and starts its threads anew. pandas imports
        # it if it is installed.
        return True
    # OpenBLAS ends its own threads before a fork (`openblas_fork_handler`). It may use threads of
    # OpenMP instead, which belong to another library.
    return bool(thread.libraries) and all("openblas" in name for name in thread.libraries)


def _descriptors(own_fds: Collection[int]) -> Iterator[str]:
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        if fd > 2 and fd not in own_fds:
            # One descriptor belonged to the listing itself, and is closed by now.
            with contextlib.suppress(FileNotFoundError):
                yield from _descriptor(fd, os.readlink(f"/proc/self/fd/{fd}"))


def _descriptor(fd: int, name: str) -> Iterator[str]:
    status = os.fstat(fd)
    if reason := why_shared(fd):
        yield reason
    if stat.S_ISSOCK(status.st_mode):
        yield _socket(fd)
    elif stat.S_ISREG(status.st_mode):
        if _is_sqlite(fd) and not _is_only_read(fd):
            yield f"an SQLite database is open: {name}"
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        if os.major(status.st_rdev) != _MEMORY_DEVICES and not os.isatty(fd):
            yield f"a device is open: {name}"
    elif name.startswith("anon_inode:"):
        kind = name.removeprefix("anon_inode:").strip("[]")
        if kind in _EVENT_LOOPS:
            yield f"an event loop is open ({_EVENT_LOOPS[kind]})"
        elif kind not in _SAFE_OBJECTS:
            yield f"a kernel object is open: {kind}"


def _is_sqlite(fd: int) -> bool:
    # SQLite forbids carrying a connection across a fork ("How To Corrupt An SQLite Database File",
    # section 2.6). Read through this descriptor: opening and closing another one of the same file
    # would drop the locks that SQLite holds (section 2.2).
    with contextlib.suppress(OSError):  # the file may be open for writing only
        return os.pread(fd, 16, 0) == b"SQLite format 3\0"
    return False


def _is_only_read(fd: int) -> bool:
    """Whether all forks can use the connection to an SQLite database.

    SQLite reads without a shared position (`pread`), so they can if the database is open read-only,
    no lock is held (a fork would not have it), and there is no write-ahead log, whose index is
    shared memory. An example is PROJ's `proj.db`.
    """
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        return False
    is_wal = os.pread(fd, 1, _READ_VERSION) == b"\2"
    with open(f"/proc/self/fdinfo/{fd}") as facts:
        return not is_wal and not any(line.startswith("lock:") for line in facts)


def _shared_memory() -> Iterator[str]:
    """Memory that forks share, although each process that loads the code would have its own.

    Memory with a name, such as a file, is shared by those processes, too.
    """
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            _, access, _, _, _, *name = line.split(maxsplit=5)
            if access == "rw-s" and name and name[0].rstrip().endswith(" (deleted)"):
                yield f"memory is shared with forks: {name[0].strip()}"


def signals_taken() -> list[str]:
    """Reasons that concern signals: handlers and timers that a fork loses."""
    return [*_handlers(), *_timers()]


def _handlers() -> Iterator[str]:
    """Handlers that a process of stock has after the import and a fork loses."""
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is signal.SIG_IGN:
            yield f"{number.name} is ignored"
        elif handler is not signal.SIG_DFL and handler is not None:
            module = getattr(handler, "__module__", None) or "unknown"
            if str(module).partition(".")[0] not in _NOT_THE_USERS:
                yield f"{number.name} has a handler of {module}"


def _timers() -> Iterator[str]:
    """Running timers, which a fork does not inherit."""
    if any(signal.getitimer(timer)[0] for timer in _TIMERS):
        yield "a timer is running that ends with a signal"


def _socket(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as copy:
        if copy.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
            return "a socket is open"
        if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return f"a socket listens on {_address(copy.getsockname())}"
        try:
            peer = _address(copy.getpeername())
        except OSError:  # not connected
            peer = ""
        return f"a socket to {peer} is open" if peer else "a socket is open"


def _address(address: object) -> str:
    """The address as text; empty for a socket without a name, such as one of a socket pair."""
    if isinstance(address, tuple):
        host, port, *_ = address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(address, bytes):  # an abstract name of Linux
        return address.decode(errors="replace").replace("\0", "@", 1)
    return str(address)
