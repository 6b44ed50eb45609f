"""Names that somebody else has made up, as they may stand in a message or a line of the log.

Python has bytes that the encoding of the file system does not know as halves of characters, which
protobuf does not take. Where the locale has no letters beyond ASCII, most of them are UTF-8.
"""

from __future__ import annotations

import os

_LONGEST = 100


def clean(text: str) -> str:
    """The text without halves of characters: as UTF-8 where they are that, else with marks."""
    try:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()


def as_path(text: str) -> str:
    """The path of which the text is the clean form, as functions of the system take it."""
    return os.fsdecode(text.encode(errors="surrogateescape"))


def printable(text: str) -> str:
    """The text; as a Python literal if it has line breaks or other control characters."""
    return text if text.isprintable() else repr(text)


def shown(name: str) -> str:
    """A name of any length, printable and short."""
    return printable(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
