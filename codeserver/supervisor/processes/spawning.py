"""Start a forkserver.

Imports nothing that takes long: this is the first thing that a server does.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
from dataclasses import dataclass

from codeserver.elsewhere import program
from codeserver.messages import Called
from codeserver.system.files import allow_files
from codeserver.wire import encode

# `-c` rather than `-m`: a run's multiprocessing children would import a named main module again.
# The first entry of sys.path is the front's, so that the user's code sees the path that it would
# see under a server started the same way (as a script, or with `python -m`).
_MAIN = "from codeserver.worker.roles.forkserver import main; main(*map(int, sys.argv[2:]))"
_PROGRAM = f"import sys; sys.path[0] = sys.argv[1]; {_MAIN}"
# Without its own first entry, which it has not if it runs safely, it shall not have ours either.
_PROGRAM_ELSEWHERE = program(
    f"sys.path[0] = sys.argv[1] if sys.path[0] == '' else sys.path[0]; {_MAIN}"
)

# Dagster describes some definitions in the order of a set, which follows the seed of the process.
# With equal seeds, equal code has an equal id in every replica and after every start. Not 0, which
# `sys.flags` would show.
_HASH_SEED = {"PYTHONHASHSEED": "1"}

_PLENTY = 65_536
_most_files = 0


@dataclass(frozen=True)
class Python:
    """A Python to start.

    Attributes:
        path: the absolute path of its executable; None for that of this process.
        variables: environment variables with their values, beside those of this process.
    """

    path: str | None = None
    variables: tuple[tuple[str, str], ...] = ()


OWN = Python()


@dataclass(frozen=True)
class Spawned:
    """A forkserver that is not yet attached to an event loop."""

    process: subprocess.Popen[bytes]
    sock: socket.socket
    stdout: int
    stderr: int

    def discard(self) -> None:
        """Kill the forkserver, which has forked nothing yet."""
        self.process.kill()
        self.process.wait()
        self.sock.close()
        for fd in (self.stdout, self.stderr):
            os.close(fd)


def spawn(python: Python = OWN) -> Spawned:
    """Start a forkserver; returns at once, while it imports Dagster.

    Raises:
        OSError: the system has no process or file descriptor left for it.
    """
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as theirs:
        ours, control = socket.socketpair()
        undo.callback(ours.close)
        theirs.callback(control.close)
        (stdout, out), (stderr, err), log = os.pipe(), os.pipe(), os.dup(2)
        for stack, fds in ((undo, (stdout, stderr)), (theirs, (out, err, log))):
            for fd in fds:
                stack.callback(os.close, fd)
        inherited = (control.fileno(), log)
        variables = {**os.environ, **dict(python.variables)}
        seed = {} if variables.keys() & _HASH_SEED else _HASH_SEED
        facts = (*inherited, os.getpid(), most_files_of_a_process(), bool(seed))
        process = subprocess.Popen(
            [*_command(python.path), *map(str, map(int, facts))],
            env={**variables, **seed},
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        undo.pop_all()
    # Not on its command line, where a search for processes of the server would find it.
    with contextlib.suppress(OSError):  # it has ended already, which is seen later
        ours.sendall(encode(Called(sys.argv)))
    return Spawned(process, ours, stdout, stderr)


def _command(path: str | None) -> list[str]:
    if path is None:
        return [sys.executable, "-c", _PROGRAM, sys.path[0]]
    return [path, "-c", _PROGRAM_ELSEWHERE, first_of_path(path)]


def first_of_path(python: str) -> str:
    """What is first in the `sys.path` of another Python that Dagster's server is started with.

    That is the directory of Dagster's script, if this process is a script, too.
    """
    script = os.path.dirname(os.path.realpath(sys.argv[0]))
    is_script = bool(sys.argv[0]) and sys.path[:1] == [script]
    return os.path.dirname(python) if is_script else sys.path[0]


def most_files_of_a_process() -> int:
    """The number of files that the operator lets a process open."""
    return _most_files or resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_more_files() -> None:
    """Raise the limit of open files, because each client and each worker takes some."""
    global _most_files
    _most_files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _PLENTY if hard == resource.RLIM_INFINITY else min(hard, _PLENTY)
    if _most_files != resource.RLIM_INFINITY and most > _most_files:
        allow_files(most, hard)
