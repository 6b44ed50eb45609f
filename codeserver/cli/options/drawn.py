"""The formats of drawings: which one is meant, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codeserver.cli.options.output import write
from codeserver.cli.printing import screen

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

_LANGUAGES = {"svg": "xml", "json": "json", "dot": "text", "mermaid": "text", "tree": "text"}


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
    """Draw it.

    Args:
        diagram: what to draw.
        form: one of `DRAWINGS`.
        output: the file to write; None for standard output.
    """
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
    write(output, text if text.endswith("\n") else f"{text}\n", _LANGUAGES[form])
