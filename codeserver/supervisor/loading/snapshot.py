"""The description of a location that clients are told, as one load of the code has made it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Definitions = Mapping[str, Mapping[str, str]]
"""By kind and name, something that differs when the definition does."""


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
