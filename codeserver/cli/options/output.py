"""Where a document goes, to a file or to standard output, and in which format a drawing does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import Failure
from codeserver.contents import replace

if TYPE_CHECKING:
    from codeserver.drawing import Diagram

F = TypeVar("F", bound=Callable[..., Any])

DRAWINGS = ("tree", "mermaid", "dot", "svg", "json")

_SUFFIXES = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
    ".txt": "tree",
}

_LANGUAGES = {"svg": "xml", "json": "json"}


output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=lambda _context, _option, path: None if path == Path("-") else path,
    help="Write to this file instead of standard output (-).",
)


def write(path: Path | None, text: str, language: str, *, at_once: bool = False) -> None:
    """Write a document to a file, or in the colours of its language to standard output.

    `at_once` is for a file that programs may read meanwhile: they find the old text or the new one.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    if path is None:
        screen.out().code(text, language)
        return
    try:
        if at_once and (path.is_file() or not path.exists()):
            replace(path.resolve(), text.encode())
        else:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from None
    screen.err().line(f"wrote {path}")


def format_option(formats: Sequence[str]) -> Callable[[F], F]:
    """The option `--format`; the first one is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(list(formats)),
        help=f"How to show it. Default: what the suffix of --output says, else {formats[0]}.",
    )


def format_of(form: str | None, output: Path | None, default: str) -> str:
    """The format that is meant, by the option or the file's name."""
    if form is not None:
        return form
    return _SUFFIXES.get(output.suffix.lower(), default) if output is not None else default


def draw(diagram: Diagram, form: str, output: Path | None) -> None:
    """Draw it in one of the formats of `DRAWINGS`."""
    from codeserver import drawing

    out = screen.out()
    if form == "tree" and output is None and out.is_terminal:
        out.drawn(drawing.tree(diagram, width=out.width))
        return
    text = {
        "tree": drawing.text,
        "mermaid": drawing.mermaid,
        "dot": drawing.dot,
        "svg": drawing.svg,
        "json": drawing.to_json,
    }[form](diagram)
    write(output, text, _LANGUAGES.get(form, "text"))
