"""Whether forks of this process can be trusted, now that it has loaded the user's code.

A fork copies all memory but only one thread: locks that other threads hold stay locked in it, and
work is handed to threads that are not there. Sockets and the like are not even copied but shared.
Libraries differ in what they do about that, so what counts here was measured with the libraries
themselves (`tests/process/parts/test_fork_safety.py`). In doubt, a fork is not trusted.
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
"""Names that the kernel shows, which are cut after 15 bytes."""

_EVENT_LOOPS = {"eventpoll": "epoll", "io_uring": "io_uring"}
_SAFE_OBJECTS = frozenset({"eventfd", "timerfd", "signalfd", "pidfd"})

_READ_VERSION = 19
"""Where in an SQLite database it is said what reading it takes: 1, or 2 for a log (fileformat2)."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""Those that a fork handles in its own way; the handlers of others are inherited."""

_NOT_THE_USERS = ("dagster", "codeserver", "signal", "_signal")
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)

_MEMORY_DEVICES = 1
"""The major number of null, zero, full, random and urandom (devices.txt of the kernel)."""


def reasons_not_to_fork(own_fds: Collection[int], own_threads: Collection[int] = ()) -> list[str]:
    """Why a fork of this process could not be trusted; empty when it can.

    Args:
        own_fds: descriptors that are not the user's. Standard input and outputs never count.
        own_threads: what the kernel calls the threads that this process had when it was forked
            itself. They have begun anew after that fork, and will after the next one.

    Returns:
        Short sentences for people, without a full stop.
    """
    if sys.platform != "linux":
        return ["forks can be trusted on Linux only"]
    try:
        reasons = [
            *_python_threads(own_threads),
            *_native_threads(own_threads),
            *_descriptors(own_fds),
            *_shared_memory(),
            *signals_taken(),
        ]
    except Exception as error:  # whatever it is, nothing is known then
        reasons = [f"what this process uses cannot be seen: {error}"]
    return list(dict.fromkeys(reasons))


def _python_threads(own: Collection[int]) -> Iterator[str]:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.native_id not in own:
            yield f"a Python thread is running: {thread.name}"


def _native_threads(own: Collection[int]) -> Iterator[str]:
    # This thread apart: in a forked process, Python still has its number of before (3.11).
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
    """The installed packages that run the threads of Python which `threading` does not know."""
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
        # Arrow's pools begin anew in the child (ARROW-2963, ARROW-17975). They have no names, but
        # those of the AWS SDK in older releases of the same library do.
        return thread.name is None
    if "numexpr" in thread.libraries and thread.libraries <= {"numexpr", "numpy"}:
        # It looks whether it is in the process that has started its threads, and starts them anew
        # when it is not. pandas imports it when it is there.
        return True
    # OpenBLAS ends its threads before a fork (`openblas_fork_handler`), unless it uses OpenMP's,
    # which are another library's.
    return bool(thread.libraries) and all("openblas" in name for name in thread.libraries)


def _descriptors(own_fds: Collection[int]) -> Iterator[str]:
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        if fd > 2 and fd not in own_fds:
            # One of them is that of the listing, which is closed again.
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
    # SQLite forbids to carry a connection across a fork ("How To Corrupt An SQLite Database File",
    # section 2.6). Read through this very descriptor: closing another one of the same file would
    # drop the locks that SQLite holds (section 2.2).
    with contextlib.suppress(OSError):  # it may be open for writing only
        return os.pread(fd, 16, 0) == b"SQLite format 3\0"
    return False


def _is_only_read(fd: int) -> bool:
    """Whether an SQLite database is open in such a way that forks can all use the connection.

    It is read through one number of a descriptor without a position (`pread`), and locks are of
    each process. So that is when it cannot be written, no lock is held, which a fork would not
    have, and it has no log beside it (WAL) whose index is shared memory. PROJ's `proj.db` is such a
    database.
    """
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        return False
    is_wal = os.pread(fd, 1, _READ_VERSION) == b"\2"
    with open(f"/proc/self/fdinfo/{fd}") as facts:
        return not is_wal and not any(line.startswith("lock:") for line in facts)


def _shared_memory() -> Iterator[str]:
    """Memory that a fork shares, and of which each process that loads the code has its own.

    What has a name, as a file has, is shared by those processes, too.
    """
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            _, access, _, _, _, *name = line.split(maxsplit=5)
            if access == "rw-s" and name and name[0].rstrip().endswith(" (deleted)"):
                yield f"memory is shared with forks: {name[0].strip()}"


def signals_taken() -> list[str]:
    """Reasons that come from signals: handlers and timers that a fork loses."""
    return [*_handlers(), *_timers()]


def _handlers() -> Iterator[str]:
    """Handlers that a process of stock has after the import, and a fork does not keep."""
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is signal.SIG_IGN:
            yield f"{number.name} is ignored"
        elif handler is not signal.SIG_DFL and handler is not None:
            module = getattr(handler, "__module__", None) or "unknown"
            if str(module).partition(".")[0] not in _NOT_THE_USERS:
                yield f"{number.name} has a handler of {module}"


def _timers() -> Iterator[str]:
    """Timers of the process; no fork inherits them."""
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
        except OSError:  # it is not connected
            peer = ""
        return f"a socket to {peer} is open" if peer else "a socket is open"


def _address(address: object) -> str:
    """In words; empty for one without a name, as the ends of a socket pair are."""
    if isinstance(address, tuple):
        host, port, *_ = address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(address, bytes):  # the names of Linux that are not in the file system
        return address.decode(errors="replace").replace("\0", "@", 1)
    return str(address)
