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
        error: serialized `SerializableErrorInfo`, empty when no worker lived to make one.
        text: the error with its traceback, for people.
        digest: identifies the failure by its content.
        brief: the text without what is not of the user's files, for a terminal.
        footprint: what of the user's files the load had used; None when that is not known.
        is_of_code: whether the code is to blame, and not that there was no process to load it.
        is_for_what_is_taken: whether something is taken that only one process can have at a time.
        imports: the slowest ones, if they were timed.
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
        """The line in which it is said what is wrong."""
        return headline(self.brief or self.text)


def headline(text: str) -> str:
    """The line of an error in which it is said what is wrong: behind the last stack, if any."""
    lines = text.strip("\n").split("\n")
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith(_TRACEBACK):
            said = (line for line in lines[number + 1 :] if line and not line.startswith(" "))
            return next(said, lines[-1])
    return lines[0]


@dataclass(frozen=True)
class LoadCounts:
    """How often the code was loaded since the server has started.

    Attributes:
        ended: loads that have ended, in whatever way.
        failed: those of them that have failed.
        last_failed: whether the last one has failed.
    """

    ended: int
    failed: int
    last_failed: bool


class NotLoaded(Exception):
    """The code failed to load, so there is nothing to answer with.

    Attributes:
        failure: what clients are shown instead, unless other code is `kept`.
    """

    def __init__(self, failure: LoadFailure, *, kept: bool = False) -> None:
        note = " (the code loaded before is served on)" if kept else ""
        super().__init__(f"The code failed to load{note}: {failure.headline}")
        self.failure = failure
