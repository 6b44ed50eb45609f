"""One load of the user's code: what clients are told about it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codeserver.facts import ImportTime, UsedFiles

_TRACEBACK = "Traceback (most recent call last):"

Definitions = Mapping[str, Mapping[str, str]]


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


@dataclass(frozen=True)
class RepositorySnapshot:
    """One repository of a generation.

    Attributes:
        deferred: serialized `RepositorySnap` that refers to its jobs.
        jobs: serialized `JobDataSnap` by job name, each once it is built; None when it could
            not be, so that whoever asks gets the error.
        names: of its `job`s, `schedule`s and `sensor`s, by kind.
        counts: how many jobs, assets, schedules and sensors it has.
        is_dynamic: whether all this is only what it was when the code was loaded, because the
            user's code defines it anew whenever it is asked.
    """

    deferred: bytes
    jobs: Mapping[str, asyncio.Future[bytes | None]]
    names: Mapping[str, frozenset[str]]
    counts: Mapping[str, int]
    is_dynamic: bool = False


@dataclass(frozen=True)
class Snapshot:
    """What clients are told about a location.

    Attributes:
        listing: serialized `ListRepositoriesResponse`.
        repositories: by name.
        digest: changes when anything that clients are told changes, and only then.
        seconds: how long each phase of the load took.
        definitions: by kind and name, something that differs when the definition does, once that
            is known; None when the process that finds it out has died.
    """

    listing: bytes
    repositories: Mapping[str, RepositorySnapshot]
    digest: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    definitions: asyncio.Future[Definitions | None] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every job is described."""
        return all(
            job.done() and job.result() is not None
            for repository in self.repositories.values()
            for job in repository.jobs.values()
        )

    @property
    def is_dynamic(self) -> bool:
        """Whether any repository is."""
        return any(repository.is_dynamic for repository in self.repositories.values())

    def like(self, before: Snapshot) -> Snapshot:
        """This, with what is described already when clients are told the same as `before`.

        What a job is described by is part of the digest.
        """
        if before.digest != self.digest or not before.is_complete or self.is_dynamic:
            return self
        return replace(self, listing=before.listing, repositories=before.repositories)

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs, assets, schedules and sensors there are in all repositories."""
        total: dict[str, int] = {}
        for repository in self.repositories.values():
            for what, count in repository.counts.items():
                total[what] = total.get(what, 0) + count
        return total

    async def complete(self) -> None:
        """Wait until all of it is known, or will not be."""
        parts: list[asyncio.Future[Any]] = [
            job for repository in self.repositories.values() for job in repository.jobs.values()
        ]
        if self.definitions is not None:
            parts.append(self.definitions)
        if parts:
            await asyncio.wait(parts)


def phases(seconds: Mapping[str, float], total: float, rest: str) -> str:
    """What each phase of a load took, in seconds that add up to the total as it is shown.

    Args:
        seconds: how long each phase took, by name.
        total: how long all took.
        rest: what the time is called that is in no phase: before the first and between them.
    """
    hundredths = {name: round(value * 100) for name, value in seconds.items()}
    left = round(total * 100) - sum(hundredths.values())
    shown = {rest: left, **hundredths} if left > 0 else hundredths
    return ", ".join(f"{name} {value / 100:.2f}" for name, value in shown.items())


def describe_counts(counts: Mapping[str, Any]) -> str:
    """For example `2 jobs, 4 assets, 1 schedule, 1 sensor`."""
    return ", ".join(
        f"{count} {what[:-1] if count == 1 else what}" for what, count in counts.items()
    )
