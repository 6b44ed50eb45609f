"""Calls whose results differ between imports, or that have side effects."""

from __future__ import annotations

import _random
import opcode
import os
import random
from types import CodeType, FrameType, ModuleType
from typing import Any

from codeserver.worker.rehearsal import storage

CLOCK = "reads the clock"
RANDOM = "draws random numbers"
SEED = "seeds the random numbers of the process"
PROCESS = "asks for the process or thread"
NETWORK = "uses the network"
CHILD = "starts a process"
FILES = "changes files"
DATABASE = "opens a connection"
DATA = "reads data that may be other data later"

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")

_FUNCTIONS: dict[tuple[str, str], str] = {
    **{("time", name): CLOCK for name in _CLOCKS},
    **{("time", f"{name}_ns"): CLOCK for name in _CLOCKS},
    **{("time", name): CLOCK for name in ("localtime", "gmtime", "ctime", "asctime", "strftime")},
    **{("posix", name): RANDOM for name in ("urandom", "getrandom")},
    ("posix", "times"): CLOCK,
    **{("posix", name): PROCESS for name in ("getpid", "getppid", "getpgid", "getsid", "getpgrp")},
    **{("_thread", name): PROCESS for name in ("get_ident", "get_native_id")},
    **{("_uuid", name): RANDOM for name in ("generate_time_safe", "generate_time")},
    **{("_ssl", name): RANDOM for name in ("RAND_bytes", "RAND_pseudo_bytes")},
}
"""The kinds of C functions, by module and name."""

_OF_A_TIME = {"localtime": 0, "gmtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
"""With more positional arguments than this, the caller passes the time."""

_NOW = frozenset({"now", "utcnow", "today"})
_DRAWS = frozenset({"random", "getrandbits", "seed"})
_CONNECTS = frozenset({"connect", "_connect"})

NAMES = frozenset({name for _, name in _FUNCTIONS} | _NOW | _DRAWS | _CONNECTS)
"""Names of functions that may have a kind."""

EVENTS = {
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto"), NETWORK),
    **dict.fromkeys(
        ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), NETWORK
    ),
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"), CHILD),
    **dict.fromkeys(("os.fork", "os.forkpty", "pty.spawn"), CHILD),
    **dict.fromkeys(("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"), FILES),
    **dict.fromkeys(("os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime"), FILES),
    **dict.fromkeys(("fcntl.flock", "fcntl.lockf", "tempfile.mkstemp", "tempfile.mkdtemp"), FILES),
    "sqlite3.connect": DATABASE,
}
"""Kinds of audit events (PEP 578)."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_RANDOM_FILES = ("/dev/random", "/dev/urandom", "/proc/sys/kernel/random/uuid")


class Seeds:
    """Random generators that user code has seeded with a fixed value."""

    def __init__(self) -> None:
        self._seeded: dict[int, object] = {}  # kept, so that no other object gets the same id

    def kind_of(self, name: str, generator: object, frame: FrameType) -> str | None:
        """The kind of a call of a method of `random.Random`; None if it is harmless."""
        if name != "seed":
            return None if id(generator) in self._seeded else RANDOM
        if generator is random.random.__self__:  # type: ignore[attr-defined]
            return SEED
        if frame.f_code is random.Random.seed.__code__ and frame.f_locals["a"] is None:
            return RANDOM
        self._seeded[id(generator)] = generator
        return None


def kind_of_call(function: Any, frame: FrameType, seeds: Seeds) -> str | None:
    """The kind of a call of this C function; None if it is harmless."""
    name, owner = function.__name__, function.__self__
    if name in _DRAWS and issubclass(type(owner), _random.Random):
        return seeds.kind_of(name, owner, frame)
    if name in _NOW and issubclass(type(owner), type):
        return CLOCK
    if name in _CONNECTS and (owner is None or issubclass(type(owner), ModuleType)):
        return DATABASE
    if name in _OF_A_TIME and _tells_the_time(name, frame):
        return None
    module = function.__module__
    return _FUNCTIONS.get((module, name)) if isinstance(module, str) else None


def _tells_the_time(name: str, frame: FrameType) -> bool:
    count = _positional_arguments(frame.f_code, frame.f_lasti)
    return count is not None and count > _OF_A_TIME[name]


def _positional_arguments(code: CodeType, position: int) -> int | None:
    """The number of positional arguments of the call at this bytecode position; None if unknown."""
    instruction = code.co_code[position : position + 2]
    if opcode.opname[instruction[0]] in ("CALL", "CALL_FUNCTION", "CALL_METHOD"):
        return instruction[1]
    return None


def kind_of_opening(path: object, flags: object) -> str | None:
    """The kind of opening this file; None if it is harmless."""
    if not isinstance(path, (str, bytes)):  # a descriptor that is already open
        return None
    name = os.fsdecode(path)
    if name in _RANDOM_FILES:
        return RANDOM
    if isinstance(flags, int) and flags & _WRITING and not name.startswith("/dev/"):
        return FILES
    return None


def label(function: Any) -> str:
    """The usual name of a C function, for people."""
    owner, module, name = function.__self__, function.__module__, function.__name__
    if isinstance(module, str):
        return f"{_KNOWN_AS.get(module, module.lstrip('_'))}.{name}"
    if issubclass(type(owner), type):
        return f"{storage.name_of(owner).rpartition('.')[2]}.{name}"
    return f"{storage.name_of(type(owner))}.{name}"


_KNOWN_AS = {"posix": "os", "_thread": "threading"}
