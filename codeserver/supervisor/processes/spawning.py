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

from codeserver.messages import Called
from codeserver.wire import encode

# `-c` rather than `-m`: a run's multiprocessing children would import a named main module again.
# The first entry of sys.path is the front's, so that the user's code sees the path that it would
# see under a server started the same way (as a script, or with `python -m`).
_PROGRAM = (
    "import sys; sys.path[0] = sys.argv[1]; "
    "from codeserver.worker.roles.forkserver import main; main(*map(int, sys.argv[2:]))"
)

# Dagster describes some definitions in the order of a set, which follows the seed of the process.
# With equal seeds, equal code has an equal id in every replica and after every start. Not 0, which
# `sys.flags` would show.
_HASH_SEED = {"PYTHONHASHSEED": "1"}

_PLENTY = 65_536
_most_files = 0


@dataclass(frozen=True)
class Interpreter:
    """A Python, and variables that its processes have beside those of the server.

    Attributes:
        python: the path of its executable.
        environment: the variables with their values, in order.
    """

    python: str = sys.executable
    environment: tuple[tuple[str, str], ...] = ()


OWN = Interpreter()
"""The Python of the server."""


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


def spawn(interpreter: Interpreter = OWN) -> Spawned:
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
        variables = {**os.environ, **dict(interpreter.environment)}
        seed = {} if variables.keys() & _HASH_SEED else _HASH_SEED
        facts = (*inherited, os.getpid(), most_files_of_a_process(), bool(seed))
        process = subprocess.Popen(
            [interpreter.python, "-c", _PROGRAM, sys.path[0], *map(str, map(int, facts))],
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


def most_files_of_a_process() -> int:
    """The number of files that the operator lets a process open."""
    return _most_files or resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def open_more_files() -> None:
    """Raise the limit of open files, because each client and each worker takes some."""
    global _most_files
    _most_files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _PLENTY if hard == resource.RLIM_INFINITY else min(hard, _PLENTY)
    if _most_files != resource.RLIM_INFINITY and most > _most_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
