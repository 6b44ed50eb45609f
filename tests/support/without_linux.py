"""Takes away what only Linux gives, in every Python of an environment (`make test-portable`).

As a program, it writes a .pth file into the environment. That runs this file at the start of each
Python, before anything of codeserver is imported, if the variable `CODESERVER_TEST_PORTABLE` has
its path. So the second ways of `codeserver.system` are taken, under the manners of macOS that can
be had here:

- `os.waitid`, pidfds, `O_PATH` and realtime signals are not there, for anyone;
- `sys.platform` is `darwin` for the one module that asks, `codeserver.system`;
- codeserver cannot call prctl(2), and sees neither /proc nor control groups; tests, user code and
  other libraries still do, so a test may look at what has happened;
- shutting down the reading side of a unix socket throws away what was received;
- codeserver may not send signals to a group of zombies, and a zombie has no group;
- the name of an open file is asked for with `F_GETPATH`;
- no process may open more than 10,240 files.

Processes keep their names in /proc, by which tests tell them apart.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import sys
import sysconfig
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PACKAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "codeserver")
_PACKAGE = os.path.join(os.path.normpath(_PACKAGE), "")
_LIBRARY = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")
_HIDDEN = ("/proc/", "/sys/fs/cgroup")
_LOOKS = {"open", "os.listdir", "os.scandir"}
_SET_NAME = 15
_GET_PATH = 50
_MOST_FILES = 10_240

_GONE = {
    os: ("waitid", "pidfd_open", "O_PATH"),
    signal: ("pidfd_send_signal", "SIGRTMIN", "SIGRTMAX"),
}
_killpg, _getpgid, _fcntl, _shutdown = os.killpg, os.getpgid, fcntl.fcntl, socket.socket.shutdown


def _codeserver_asks() -> bool:
    """Whether the call comes from codeserver, perhaps through the standard library."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_LIBRARY, "<frozen ")) or "-packages" in file:
            return file.startswith(_PACKAGE)
        frame = frame.f_back
    return False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOKS:
        path = arguments[0]
        is_hidden = isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(_HIDDEN)
        if is_hidden and _codeserver_asks():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    elif event == "ctypes.dlsym" and arguments[1] == "prctl" and _codeserver_asks():
        raise AttributeError("prctl")
    elif event == "resource.setrlimit":
        which, limits = arguments
        is_much = not 0 <= limits[0] <= _MOST_FILES
        if which == resource.RLIMIT_NOFILE and is_much:
            raise ValueError("current limit exceeds maximum limit")
        if which == resource.RLIMIT_DATA and _codeserver_asks():
            raise ValueError("not on this system")


class _Finder:
    """Imports two modules as they are on another system."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in ("codeserver.system", "codeserver.processes"):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_elsewhere(module: ModuleType) -> None:
            sys.platform = "darwin"
            try:
                execute(module)
            finally:
                sys.platform = "linux"
            if name == "codeserver.processes":
                module.set_name = lambda role: _set_name(module._name_for(role))

        spec.loader.exec_module = execute_elsewhere  # type: ignore[method-assign]
        return spec


class _Finders(list):  # type: ignore[type-arg]
    """Keeps its first one the first, before that of pytest, too."""

    def insert(self, at: Any, finder: Any) -> None:
        super().insert(max(1, at), finder)


def _set_name(name: str) -> None:
    ctypes.CDLL(None).prctl(_SET_NAME, name.encode(), 0, 0, 0)


def _state_and_group(pid: str) -> tuple[str, int]:
    with open(f"/proc/{pid}/stat", errors="replace") as facts:
        state, _, group, *_ = facts.read().rpartition(")")[2].split()
    return state, int(group)


def _killpg_of_bsd(group: int, number: int) -> None:
    if not _codeserver_asks():
        return _killpg(group, number)
    living, dead = [], []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            state, its_group = _state_and_group(pid)
        except OSError:
            continue
        if its_group == group:
            (dead if state == "Z" else living).append(pid)
    if dead and not living:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return _killpg(group, number)


def _getpgid_of_bsd(pid: int) -> int:
    try:
        if pid and _codeserver_asks() and _state_and_group(str(pid))[0] == "Z":
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    except FileNotFoundError:
        pass
    return _getpgid(pid)


def _fcntl_of_macos(fd: Any, command: int, argument: Any = 0) -> Any:
    if command != _GET_PATH:
        return _fcntl(fd, command, argument)
    name = os.readlink(f"/proc/self/fd/{fd}")
    if name.endswith(" (deleted)"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return os.fsencode(name).ljust(len(argument), b"\0")


def _shutdown_of_bsd(self: socket.socket, how: int) -> None:
    if how == socket.SHUT_RD and self.family == socket.AF_UNIX:
        try:
            while self.recv(1 << 16, socket.MSG_DONTWAIT):
                pass
        except OSError:
            pass
    _shutdown(self, how)


def take_away() -> None:
    """Make this process one of another system, as far as codeserver can see."""
    for module, names in _GONE.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    os.killpg, os.getpgid = _killpg_of_bsd, _getpgid_of_bsd
    fcntl.fcntl, fcntl.F_GETPATH = _fcntl_of_macos, _GET_PATH  # type: ignore[attr-defined]
    socket.socket.shutdown = _shutdown_of_bsd  # type: ignore[method-assign]
    sys.addaudithook(_hear)
    sys.meta_path = _Finders([_Finder, *sys.meta_path])


def install() -> None:
    """Have every Python of this environment run this file, where the variable asks for it."""
    name = "CODESERVER_TEST_PORTABLE"
    text = (
        f"import os; path = os.environ.get({name!r}); "
        "exec(compile(open(path).read(), path, 'exec'), {'__name__': '', '__file__': path}) "
        "if path else None\n"
    )
    with open(os.path.join(sysconfig.get_path("purelib"), "without_linux.pth"), "w") as file:
        file.write(text)


if __name__ == "__main__":
    install()
else:
    take_away()
