"""Text that is no valid UTF-8: names of files, mostly.

Python has bytes that the encoding of the file system does not know as halves of characters, which
protobuf does not take. Where the locale has no letters beyond ASCII, most of them are UTF-8.
"""

from __future__ import annotations

import os


def clean(text: str) -> str:
    """The text without halves of characters: as UTF-8 where they are that, else with marks."""
    try:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()


def as_path(text: str) -> str:
    """The path of which the text is the clean form, as functions of the system take it."""
    return os.fsdecode(text.encode(errors="surrogateescape"))
