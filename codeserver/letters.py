"""Names from outside, such as those of files, made safe for messages and log lines.

Python represents bytes that the file system's encoding cannot decode as surrogates, which protobuf
rejects. Under an ASCII locale, most of those bytes are UTF-8.
"""

from __future__ import annotations

import os

_LONGEST = 100


def clean(text: str) -> str:
    """The text without surrogates: decoded as UTF-8 if possible, else with replacement marks."""
    try:
        return text.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()


def as_path(text: str) -> str:
    """The path, in the form that `os` functions take, of a text that `clean` returned."""
    return os.fsdecode(text.encode(errors="surrogateescape"))


def printable(text: str) -> str:
    """The text, or a Python literal of it if it has line breaks or other control characters."""
    return text if text.isprintable() else repr(text)


def shown(name: str) -> str:
    """A name in printable form, cut to 100 characters."""
    return printable(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}...")
