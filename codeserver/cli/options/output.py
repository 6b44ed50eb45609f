"""Where a document goes: to a file, or to standard output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import Failure

F = TypeVar("F", bound=Callable[..., Any])


def output_option(command: F) -> F:
    """Give a command the option `-o/--output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        callback=lambda _context, _option, path: None if path == Path("-") else path,
        help="Write to this file instead of standard output (-).",
    )(command)


def write(path: Path | None, text: str, language: str) -> None:
    """Write a document.

    Args:
        path: of the file; None for standard output.
        text: the document.
        language: what it is written in, for the colours on a terminal.

    Raises:
        Failure: the file cannot be written.
    """
    if path is None:
        screen.out().code(text, language)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from None
    screen.err().line(f"wrote {path}")
