"""The Python that loads the code: what it is, and why another one than ours cannot be it."""

from __future__ import annotations

import errno
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from codeserver.errors import OperatorError
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.spawning import first_of_path

_OLDEST = (3, 10)
_SECONDS = 60.0
"""The longest start of a Python, such as the first one from a network file system."""

# Python 2 can execute it, too. It does not print: `sitecustomize` may.
_PROGRAM = """
import json, os, platform, sys
told = [sys.version_info[:2], platform.python_implementation(), platform.python_version(), sys.path]
os.write(int(sys.argv[1]), json.dumps(told).encode())
"""

_MOST_BYTES = 65536


@dataclass(frozen=True)
class Interpreter:
    """A Python, as it describes itself.

    Attributes:
        implementation: such as `CPython`.
        version: such as `3.12.1`.
        path: the `sys.path` that code sees.
    """

    implementation: str
    version: str
    path: tuple[str, ...]


class _Refused(Exception):
    """A Python that cannot load code. The message is a predicate."""


def about(python: str | None, source: str = "--python") -> Interpreter:
    """The Python at this absolute path, which is asked once; None for that of this process.

    Args:
        python: the path.
        source: the option or variable that has given it, or the place in a file.

    Raises:
        OperatorError: it cannot load code; the message names the source, the path and the reason.
    """
    if python is None:
        return Interpreter(
            platform.python_implementation(), platform.python_version(), tuple(sys.path)
        )
    try:
        return _about(python)
    except _Refused as why:
        raise OperatorError(f"{source} {python} {why}") from None


def check(python: str | None, source: str = "--python") -> None:
    """Raise an `OperatorError` unless the Python can load code; the arguments are of `about`.

    Only a load shows whether it has Dagster, because Dagster may be installed later.
    """
    if python is not None:
        about(python, source)


@functools.cache
def _about(python: str) -> Interpreter:
    try:
        version, implementation, name, path = json.loads(_ask(python))
    except ValueError:
        raise _Refused("is not a Python interpreter; give the path of one.") from None
    if tuple(version) < _OLDEST:
        raise _Refused(f"is Python {name}; give one of version {_OLDEST[0]}.{_OLDEST[1]} or newer.")
    return Interpreter(implementation, name, (first_of_path(python), *path[1:]))


def _ask(python: str) -> bytes:
    reader, writer = os.pipe()
    try:
        os.set_blocking(reader, False)
        ended = subprocess.run(
            [python, "-c", _PROGRAM, str(writer)],
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
        told = os.read(reader, _MOST_BYTES) if ended.returncode == 0 else b""
    except BlockingIOError:
        told = b""  # it has ended, and has written nothing
    except (OSError, ValueError) as error:
        raise _Refused(_why(python, error)) from None
    except subprocess.TimeoutExpired:
        raise _Refused(f"did not start within {_SECONDS:g} seconds; try it by hand.") from None
    finally:
        os.close(reader)
        os.close(writer)
    if ended.returncode:
        said = _reason(ended.stderr.decode("utf-8", "replace"))
        raise _Refused(
            f"is not a Python interpreter, or it is broken: it {explain_exit(ended.returncode)}"
            f"{f' ({said})' if said else ''}."
        )
    return told


def _reason(text: str) -> str:
    """The line with the reason among those that a Python has printed that did not start."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = (line for line in lines if line.startswith("Fatal Python error"))
    return next(fatal, lines[-1] if lines else "")[:300]


def _why(python: str, error: Exception) -> str:
    """Why the system does not execute it, as a predicate."""
    if not isinstance(error, OSError):
        return f"is no path: {error}."  # it has a null byte
    if os.path.isdir(python):
        inside = os.path.join(python, "bin", "python")
        hint = inside if os.path.exists(inside) else "the path of a Python interpreter"
        return f"is a directory; give {hint}."
    if isinstance(error, FileNotFoundError):
        return _missing(python)
    if error.errno == errno.ENOEXEC:
        return f"is of another architecture, or no program ({error.strerror}); give one that is."
    return f"cannot be executed ({error.strerror}); check its permissions."


def _missing(python: str) -> str:
    if os.path.exists(python):
        return "names a program in its first line, or a loader, that does not exist; reinstall it."
    if os.path.islink(python):
        return (
            f"is a link to {os.readlink(python)}, which does not exist; make the environment anew."
        )
    found = shutil.which(os.path.basename(python))
    return f"does not exist{f'; there is {found}' if found else ''}."
