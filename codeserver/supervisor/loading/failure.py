"""The failure of a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeserver.facts import ImportTime, UsedFiles

_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class LoadFailure:
    """A load that failed.

    Attributes:
        error: a serialized `SerializableErrorInfo`; empty if no worker lived to make one.
        text: the error with its traceback, for people.
        digest: identifies the content of the failure.
        brief: the text without frames outside the user's files, for a terminal.
        footprint: the user's files that the load had used; None if they are not known.
        is_of_code: whether the code is to blame, and not the lack of a process to load it.
        is_for_what_is_taken: whether the code needs something that another process holds, such as
            a port.
        imports: the slowest imports, if they were timed.
    """

    error: bytes
    text: str
    digest: str
    brief: str = ""
    footprint: UsedFiles | None = None
    is_of_code: bool = True
    is_for_what_is_taken: bool = False
    imports: Sequence[ImportTime] = ()

    @property
    def headline(self) -> str:
        """The line with the error message."""
        return headline(self.brief or self.text)


def headline(text: str) -> str:
    """The line of an error text that has the message: the one after the last stack, if any."""
    lines = text.strip("\n").split("\n")
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith(_TRACEBACK):
            said = (line for line in lines[number + 1 :] if line and not line.startswith(" "))
            return next(said, lines[-1])
    return lines[0]


@dataclass(frozen=True)
class LoadCounts:
    """Counts of loads since the start of the server."""

    ended: int
    failed: int
    last_failed: bool


class NotLoaded(Exception):
    """The code failed to load, so the request cannot be answered.

    Args:
        kept: whether the code that was loaded before is still served.
    """

    def __init__(self, failure: LoadFailure, *, kept: bool = False) -> None:
        note = " (the code loaded before is served on)" if kept else ""
        super().__init__(f"The code failed to load{note}: {failure.headline}")
        self.failure = failure
