"""A loaded location as a `LocationSnapshot`, and back."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeserver.snapshot import v1
from codeserver.supervisor.generation import RepositorySnapshot, Snapshot

_OF_THE_SERVER = ("executable_path", "entry_point", "container_image", "container_context")
"""What `ListRepositoriesResponse` says of the server and not of the code."""


@dataclass(frozen=True)
class Baked:
    """What can be served of a location whose code is not loaded.

    Attributes:
        snapshot: what clients are told.
        libraries: versions of Dagster's libraries, by name.
        created_at: when it was made, in seconds since the epoch.
    """

    snapshot: Snapshot
    libraries: Mapping[str, str]
    created_at: float


async def to_message(snapshot: Snapshot, libraries: Mapping[str, str]) -> v1.LocationSnapshot:
    """The message that says the same, once all jobs are described; it has no fingerprint yet."""
    assert snapshot.definitions is not None
    message = v1.LocationSnapshot(
        listing=snapshot.listing,
        libraries=libraries,
        definitions=json.dumps(await snapshot.definitions or {}, sort_keys=True).encode(),
    )
    message.created_at.GetCurrentTime()
    for name, repository in snapshot.repositories.items():
        message.repositories.add(
            name=name,
            deferred=repository.deferred,
            jobs=[
                v1.Job(name=job, data=await future or b"")
                for job, future in repository.jobs.items()
            ],
            schedules=sorted(repository.names["schedule"]),
            sensors=sorted(repository.names["sensor"]),
            counts=[v1.Count(kind=kind, count=many) for kind, many in repository.counts.items()],
        )
    return message


def from_message(message: v1.LocationSnapshot, order: bytes) -> Baked:
    """What a server with this load order serves of it.

    Args:
        message: the snapshot.
        order: what a host would be told to load (`codeserver.supervisor.load_order`).
    """
    listing = _listing_of(message.listing, json.loads(order))
    digest = hashlib.sha256(listing)
    for repository in message.repositories:
        digest.update(repository.deferred)
    loop = asyncio.get_running_loop()
    definitions: asyncio.Future[Any] = loop.create_future()
    definitions.set_result(json.loads(message.definitions) or None)
    snapshot = Snapshot(
        listing=listing,
        repositories={each.name: _repository(each) for each in message.repositories},
        digest=digest.hexdigest(),
        definitions=definitions,
    )
    return Baked(snapshot, dict(message.libraries), message.created_at.ToNanoseconds() / 1e9)


def _listing_of(listing: bytes, order: Mapping[str, Any]) -> bytes:
    """In the form in which Dagster serializes it, so that the code when loaded says the same."""
    fields = json.loads(listing)
    return json.dumps({**fields, **{name: order[name] for name in _OF_THE_SERVER}}).encode()


def _repository(message: v1.Repository) -> RepositorySnapshot:
    jobs = {job.name: _done(job.data) for job in message.jobs if job.data}
    names = {
        "job": frozenset(job.name for job in message.jobs),
        "schedule": frozenset(message.schedules),
        "sensor": frozenset(message.sensors),
    }
    counts = {each.kind: each.count for each in message.counts}
    return RepositorySnapshot(message.deferred, jobs, names, counts)


def _done(data: bytes) -> asyncio.Future[bytes | None]:
    future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    future.set_result(data)
    return future
