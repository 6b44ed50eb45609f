"""A code location among several: as its file declares it, and with all settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.letters import printable, shown
from codeserver.target import Target, current_directory


@dataclass(frozen=True)
class Entry:
    """A location to be served. Two that are equal need no new load.

    Attributes:
        name: its name in Dagster.
        config: its settings: those of the command line, with those of the file over them. Its port
            and socket are its own, beside those of the server.
        target: its code.
        hosts: host names by which the port of the server knows it, in lower case; first the one
            that is made of the name, if one can be.
        environment: further environment variables of its processes.
    """

    name: str
    config: Config
    target: Target
    hosts: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Declaration:
    """A location as the file declares it, the same for every format.

    Attributes:
        name: its name in Dagster.
        settings: values by the names of settings. They go before the command line.
        implied: values that the format has when the file gives none. The command line goes before
            them.
        hosts: further host names, as they are written.
        environment: further environment variables of its processes.
    """

    name: str
    settings: Mapping[str, Any]
    implied: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The file that is read.

    Attributes:
        path: its path as the operator writes it.
        warn: takes a line about each thing in it that does not count.
    """

    path: str
    warn: Callable[[str], None]

    @property
    def directory(self) -> str:
        """The absolute path of its directory."""
        return os.path.dirname(os.path.normpath(os.path.join(current_directory(), self.path)))

    def line(self, message: str, *, location: str | None = None, place: str = "") -> str:
        """The message, with the file and the place in it before it."""
        if location is not None:
            place = f"location {shown(location)}"
        return ": ".join(each for each in (printable(self.path), place, message) if each)

    def fault(self, message: str, *, location: str | None = None, place: str = "") -> OperatorError:
        """The error about a mistake in it, to be raised."""
        return OperatorError(self.line(message, location=location, place=place))


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of an error about a word that is not known: the nearest one, else all of them."""
    import difflib

    if near := difflib.get_close_matches(word, known, 1):
        return f"did you mean {near[0]}?"
    if len(known) == 1:
        return f"the only one is {known[0]}."
    return f"there are {', '.join(known)}." if len(known) <= _FEW else "see docs/locations.md."


_FEW = 8
