"""Host names of locations, by which the port of the server knows them. Pure."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^a-z0-9]")

# With underscores, which services of Compose have in their names.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def made_of(name: str) -> str:
    """The host name made of a location's name; empty if none can be.

    `localhost` is none: it is the name of the whole server.
    """
    host = _OTHER.sub("-", name.lower()).strip("-")
    return "" if len(host) > _LONGEST_LABEL or host == "localhost" else host


def written(text: str) -> str | None:
    """The host name that a text is, in the form of `made_of`; None if it is none.

    An address is none, because nobody connects to a location by it.
    """
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    is_name = len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, labels))
    return host if is_name and not labels[-1].isdigit() and host != "localhost" else None
