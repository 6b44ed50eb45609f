"""Errors as people see them: a line on standard error, and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import click

from codeserver.cli.printing import screen
from codeserver.cli.printing.words import one_line
from codeserver.errors import CodeserverError

if TYPE_CHECKING:
    from codeserver.api import v1

FAILED = 1
"""Exit code of a command that has failed."""


class Failure(click.ClickException):
    """A command has failed, for a reason in one line; there may be further lines of details."""

    exit_code = FAILED

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = details

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error."""
        screen.out().flush()
        errors = screen.err()
        errors.line(("Error:", "bold red"), " ", self.format_message())
        for line in self.details:
            errors.line(line)


class NotAsked(Failure):
    """A command could not make its request, such as for want of a server."""

    exit_code = 2


def failure_of(error: CodeserverError) -> Failure:
    """The message and exit code for an error."""
    from codeserver.client import errors

    message = one_line(str(error))
    if isinstance(error, (errors.UnavailableError, errors.UnsupportedError)):
        return NotAsked(message)
    if isinstance(error, (errors.LoadFailedError, errors.UserCodeCrashedError)):
        lines = traceback_lines(error.load_error)
        if lines == [str(error)]:
            return Failure(message)
        if isinstance(error, errors.LoadFailedError):
            # The text after the colon is also the end of the traceback.
            message = f"{message.partition(': ')[0]}:"
        return Failure(message, lines)
    if isinstance(error, errors.InvalidArgumentError) and error.run_config_errors:
        return Failure(message, [mistake(each) for each in error.run_config_errors])
    if isinstance(error, errors.ApiError):
        return Failure(message)
    # Errors that do not come from a server may have several lines.
    first, *others = str(error).splitlines() or [""]
    return Failure(first, others)


def traceback_lines(error: v1.LoadError) -> list[str]:
    """The traceback of an exception, with the frames of the user's files only."""
    if error.text:
        return error.text.rstrip().splitlines()
    lines = []
    for frame in error.frames:
        lines.append(f'  File "{frame.file}", line {frame.line}, in {frame.function}')
        lines += [f"    {frame.code}"] if frame.code else []
    said = f"{error.type}: {error.message}".removeprefix(": ").rstrip().splitlines()
    return [*lines, *said]


def mistake(error: v1.RunConfigError) -> str:
    """A mistake in run config in words: its place, the problem, and the allowed values."""
    from codeserver.api import v1

    place = ".".join(error.path) or "the whole run config"
    allowed = ", ".join(error.allowed)
    what = {
        v1.RunConfigError.REASON_TYPE_MISMATCH: f"it must be {allowed}" if allowed else "",
        v1.RunConfigError.REASON_MISSING_FIELD: "it is required, and it is missing"
        + (f" (type {allowed})" if allowed else ""),
        v1.RunConfigError.REASON_UNDEFINED_FIELD: "there is no such field"
        + (f"; there is {allowed}" if allowed else "; nothing is allowed there"),
        v1.RunConfigError.REASON_SELECTOR: f"give exactly one of {allowed}" if allowed else "",
    }.get(error.reason, "")
    return f"  {place}: {what or one_line(error.message)}"
