"""Names that clients and user code have made up, as they may stand in a line of the log."""

from __future__ import annotations

_LONGEST = 100


def printable(text: str) -> str:
    """The text; as a Python literal if it has line breaks or other control characters."""
    return text if text.isprintable() else repr(text)


def shown(name: str) -> str:
    """A name of any length, printable and short."""
    return printable(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
