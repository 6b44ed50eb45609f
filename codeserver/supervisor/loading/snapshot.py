"""The description of a location for clients, made by one load of the code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Definitions = Mapping[str, Mapping[str, str]]
"""A digest of each definition, by kind and name."""


@dataclass(frozen=True)
class RepositorySnapshot:
    """One repository of a generation.

    Attributes:
        deferred: a serialized `RepositorySnap` that refers to its jobs.
        jobs: the serialized `JobDataSnap`s by job name, each done when it is built; None if that
            failed.
        names: the names of its `job`s, `schedule`s and `sensor`s, by kind.
        counts: the numbers of its jobs, assets, schedules and sensors.
        is_dynamic: whether the user's code defines the repository anew at each request, so that
            this is only its state at the load.
    """

    deferred: bytes
    jobs: Mapping[str, asyncio.Future[bytes | None]]
    names: Mapping[str, frozenset[str]]
    counts: Mapping[str, int]
    is_dynamic: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The description of a location for clients.

    Attributes:
        listing: a serialized `ListRepositoriesResponse`.
        digest: changes if and only if the content for clients changes.
        seconds: the duration of each phase of the load.
        definitions: the digests of definitions, done when they are known; None if the process
            that computes them has died.
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
        """Whether any repository is dynamic."""
        return any(repository.is_dynamic for repository in self.repositories.values())

    def like(self, before: Snapshot) -> Snapshot:
        """This snapshot, with the finished descriptions of `before` if both have equal content.

        The digest covers the descriptions of jobs.
        """
        if before.digest != self.digest or not before.is_complete or self.is_dynamic:
            return self
        return replace(self, listing=before.listing, repositories=before.repositories)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of jobs, assets, schedules and sensors in all repositories."""
        total: dict[str, int] = {}
        for repository in self.repositories.values():
            for what, count in repository.counts.items():
                total[what] = total.get(what, 0) + count
        return total

    async def complete(self) -> None:
        """Wait until every part is known, or has failed."""
        parts: list[asyncio.Future[Any]] = [
            job for repository in self.repositories.values() for job in repository.jobs.values()
        ]
        if self.definitions is not None:
            parts.append(self.definitions)
        if parts:
            await asyncio.wait(parts)


def phases(seconds: Mapping[str, float], total: float, rest: str) -> str:
    """The durations of the phases of a load and of its rest, which add up to the shown total."""
    hundredths = {name: round(value * 100) for name, value in seconds.items()}
    left = round(total * 100) - sum(hundredths.values())
    shown = {rest: left, **hundredths} if left > 0 else hundredths
    return ", ".join(f"{name} {value / 100:.2f}" for name, value in shown.items())


def describe_counts(counts: Mapping[str, Any]) -> str:
    """The counts in words, such as `2 jobs, 4 assets, 1 schedule, 1 sensor`."""
    return ", ".join(
        f"{count} {what[:-1] if count == 1 else what}" for what, count in counts.items()
    )
