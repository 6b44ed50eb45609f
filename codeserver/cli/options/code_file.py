"""The Python file that a command is about: what can be said of it before Dagster is imported."""

from __future__ import annotations

import contextlib
import os
import stat
import traceback
import warnings
from collections.abc import Iterator, Sequence

import click

from codeserver.errors import OperatorError
from codeserver.target import Target

_SUFFIX = ".py"
_FEW = 3
_LARGE_BYTES = 64 * 1024
"""Of a larger file, Python itself takes too long to say whether it can be compiled."""


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Turn errors of the operator into errors of the command line."""
    try:
        yield
    except OperatorError as error:
        raise click.UsageError(str(error)) from error


def check_is_there(target: Target) -> None:
    """Raise an `OperatorError` with the nearest name, if the target is a file and there is none."""
    try:
        os.stat(target.path or os.curdir)
    except (FileNotFoundError, NotADirectoryError):
        assert target.path is not None
        raise OperatorError(f"{target.label} does not exist{_hint(target.path)}") from None
    except OSError:
        pass  # the load says what is wrong with it


def _hint(path: str) -> str:
    """The nearest name, else all names if they are few."""
    import difflib

    folder, name = os.path.split(path)
    try:
        there = sorted(each for each in os.listdir(folder) if each.endswith(_SUFFIX))
    except OSError:
        return "; nor does its directory."
    stems = [each.removesuffix(_SUFFIX) for each in there]
    if near := difflib.get_close_matches(name.removesuffix(_SUFFIX), stems, 1):
        return f". Did you mean {near[0]}{_SUFFIX}?"
    return f". There is {', '.join(there)}." if 0 < len(there) <= _FEW else "."


def syntax_error(path: str) -> Sequence[str]:
    """What Python says of the syntax; nothing when it is right, or that cannot be seen so soon.

    Nothing of the file is executed.
    """
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGE_BYTES:
            return ()
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the load itself shows them
            compile(file.read(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return "".join(traceback.format_exception_only(error)).splitlines()
    except (OSError, ValueError, MemoryError, RecursionError):
        pass  # whatever that is, the load says it with all that belongs to it
    return ()
