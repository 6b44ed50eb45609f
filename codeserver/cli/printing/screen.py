"""Output of commands: coloured and folded on a terminal, plain when piped."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from codeserver.cli.printing.tables import Table
from codeserver.cli.printing.words import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Part = str | tuple[str, str]
"""A text, or a text and its style."""

_MOST_COLOURED = 100_000
"""In characters. Longer documents are not read on a terminal, and colours would take long."""


class Screen:
    """A stream that people or programs read.

    Rich's console decides whether it is a terminal, also by FORCE_COLOR and the like.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def is_terminal(self) -> bool:
        """Whether people read it."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._console.width

    def line(self, *parts: Part) -> None:
        """Print a line of text, which may contain line breaks."""
        pairs = [(part, "") if isinstance(part, str) else part for part in parts]
        pairs = [(printable(text), style) for text, style in pairs]
        if not self.is_terminal:
            self.raw("".join(text for text, _ in pairs) + "\n")
            return
        from rich.text import Text

        self._console.print(Text.assemble(*pairs), soft_wrap=True)

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Print pairs of name and text, folded on a terminal, else one line for each."""
        width = max((len(name) for name, _ in facts), default=0)
        if not self.is_terminal:
            for name, text in facts:
                self.line("  ", name.ljust(width), "  ", text)
            return
        from rich.padding import Padding
        from rich.table import Table as Grid
        from rich.text import Text

        grid = Grid.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in facts:
            grid.add_row(name, Text(printable(text)))
        self._console.print(Padding(grid, (0, 0, 0, 2)))

    def table(self, table: Table) -> None:
        """Print a table."""
        if self.is_terminal:
            self._console.print(table.for_terminal(self.width))
        else:
            self.raw("".join(f"{line}\n" for line in table.lines()))

    def records(self, table: Table, *, prefix: str = "") -> None:
        """Print the rows for programs, each after the prefix."""
        self.raw("".join(f"{prefix}{record}\n" for record in table.records()))

    def drawn(self, drawing: RenderableType) -> None:
        """Print an object of rich's. Only for terminals."""
        self._console.print(drawing)

    def code(self, text: str, language: str) -> None:
        """Print source text of a language: coloured on a terminal, unchanged when piped."""
        is_coloured = self.is_terminal and self._console.color_system is not None
        if not is_coloured or len(text) > _MOST_COLOURED:
            self.raw(text)
            return
        from rich.syntax import Syntax

        look = Syntax("", language, theme="ansi_dark", background_color="default").highlight(text)
        self._console.print(look, end="", soft_wrap=True)

    def json(self, value: Any, *, indent: int | None = 2) -> None:
        """Print a message, or lists and mappings with messages, as JSON.

        Without `indent`, it is one line.
        """
        # Escape letters that the encoding lacks as JSON does, and not as Python does.
        encoding = getattr(self._console.file, "encoding", None) or "utf-8"
        has_all_letters = encoding.lower().startswith("utf")
        text = json.dumps(plain(value), indent=indent, ensure_ascii=not has_all_letters)
        if indent is None:
            self.raw(f"{text}\n")
        else:
            self.code(f"{text}\n", "json")
        self.flush()

    def raw(self, text: str) -> None:
        """Print the text as it is."""
        self._console.file.write(text)

    def flush(self) -> None:
        """Send the buffered output to its reader."""
        self._console.file.flush()

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner with this text on a terminal, for the time of a block."""
        if not self.is_terminal:
            yield
            return
        with self._console.status(printable(text), spinner_style="cyan"):
            yield


def out() -> Screen:
    """Standard output."""
    return _screen(sys.stdout)


def err() -> Screen:
    """Standard error."""
    return _screen(sys.stderr)


def _screen(stream: IO[str]) -> Screen:
    from rich.console import Console

    return Screen(Console(file=stream, highlight=False, markup=False, emoji=False))


def plain(value: Any) -> Any:
    """The value with protobuf's JSON for each message in it.

    Fields keep their names in the proto files, and empty fields are included, so that programs
    always find the same keys.
    """
    from inspect import signature

    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import Message

    if isinstance(value, Message):
        # Protobuf 26 (Python 5.26) renamed the option.
        new, old = "always_print_fields_with_no_presence", "including_default_value_fields"
        options: Any = {new if new in signature(MessageToDict).parameters else old: True}
        return MessageToDict(value, preserving_proto_field_name=True, **options)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    return value
