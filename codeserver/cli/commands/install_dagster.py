"""`codeserver install-dagster`: write the `dagster` command of an image."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from codeserver.cli.options.code_file import usage_errors
from codeserver.cli.options.settings import config_options
from codeserver.cli.printing.failures import Failure
from codeserver.supervisor.processes import interpreter
from codeserver.target import other_python

NAME = "dagster"

_MARK = "# Written by `codeserver install-dagster`."

_PROGRAM = f"""\
{_MARK}
# Serves code and probes servers with codeserver; everything else is Dagster's own command line.
from codeserver.dagster_command import main

if __name__ == "__main__":
    main({{python}})
"""

_LONGEST_INTERPRETER_LINE = 127
"""In bytes; some kernels cut off a longer line."""


@click.command("install-dagster")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@config_options("python")
def install_dagster_command(*, directory: Path, python: str | None) -> None:
    """Write a `dagster` command that serves code with codeserver.

    For images that are started by Dagster's own commands, as in the Helm chart. The command is
    written to DIR, which should be the first directory in PATH. `dagster api grpc` and
    `dagster code-server start` then serve with codeserver, `dagster api grpc-health-check` uses a
    few hundredths of a second of CPU time, and every other command is Dagster's own. With --python,
    the code and Dagster are those of that Python.

    A `dagster` command from another source in DIR is never replaced.
    """
    path = directory / NAME
    with usage_errors():
        other = other_python(python)
        interpreter.check(other)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        is_new = install(path, sys.executable, other)
    except OSError as error:
        raise Failure(f"{error.filename or path} cannot be written: {error.strerror}.") from None
    click.echo(f"{path} is {'written' if is_new else 'there already'}.")
    first = shutil.which(NAME)
    if first is None or not os.path.samefile(first, path):
        now = f"is {first} now" if first else "is not found now"
        click.echo(f"Put {directory} first in PATH: {NAME} {now}.", err=True)


def install(path: Path, python: str, other: str | None = None) -> bool:
    """Write the command for an interpreter, and return whether it was not there yet.

    With another interpreter, the code and Dagster are those of that one.

    A file of this name from another source is a `Failure`.
    """
    content = program(python, other)
    if os.path.lexists(path):
        found = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if _MARK.encode() not in found.splitlines():
            raise Failure(
                f"{path} is there, and not from codeserver; choose another directory, and put it "
                "first in PATH."
            )
        if found == content and os.access(path, os.X_OK):
            return False
    # Replace it atomically: a process that starts meanwhile finds the old command or the new one.
    with tempfile.TemporaryDirectory(prefix=".dagster-", dir=path.parent) as folder:
        new = Path(folder, path.name)
        new.write_bytes(content)
        new.chmod(0o755)
        new.replace(path)
    return True


def program(python: str, other: str | None = None) -> bytes:
    """The text of the command."""
    first = f"#!{python}\n"
    if " " in python or len(os.fsencode(first)) > _LONGEST_INTERPRETER_LINE:
        # A shell reads the second line as a command, and Python as a string.
        first = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
    return os.fsencode(first + _PROGRAM.format(python="" if other is None else repr(other)))
