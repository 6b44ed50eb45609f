"""Conversion of a loaded location to a `LocationSnapshot`, and back."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from codeserver.facts import LoadOrder
from codeserver.snapshot import v1
from codeserver.snapshot.file import UnusableSnapshot
from codeserver.supervisor.loading.absent import Absent
from codeserver.supervisor.loading.snapshot import Definitions, RepositorySnapshot, Snapshot

T = TypeVar("T")

_OF_THE_SERVER = ("executable_path", "entry_point", "container_image", "container_context")
"""Fields of `ListRepositoriesResponse` that are about the server and not about the code."""

_COUNTED = {"jobs", "assets", "schedules", "sensors"}
_LATEST = 1 << 37
"""In seconds since the epoch: the year 6325. Clients get the time as a timestamp."""


async def to_message(snapshot: Snapshot, libraries: Mapping[str, str]) -> v1.LocationSnapshot:
    """Wait until all jobs are described, and return the message, still without a fingerprint."""
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


def from_message(message: v1.LocationSnapshot, order: LoadOrder) -> tuple[Absent, float]:
    """The content of a snapshot, for a server with this load order, and its time.

    Raises:
        UnusableSnapshot: a part of the content cannot be an answer.
    """
    try:
        snapshot = _snapshot(message, order)
        created_at = message.created_at.seconds + message.created_at.nanos / 1e9
        if not 0 <= created_at < _LATEST:
            raise ValueError(f"it was made {created_at:.0f} seconds after 1970")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UnusableSnapshot(f"its content is not that of a snapshot ({error})") from None
    return Absent(snapshot, dict(message.libraries)), created_at


def _snapshot(message: v1.LocationSnapshot, order: LoadOrder) -> Snapshot:
    listing = _listing_of(message.listing, order)
    digest = hashlib.sha256(listing)
    for repository in message.repositories:
        digest.update(repository.deferred)
    return Snapshot(
        listing=listing,
        repositories={each.name: _repository(each) for each in message.repositories},
        digest=digest.hexdigest(),
        definitions=_done(_definitions_of(message.definitions)),
    )


def _listing_of(listing: bytes, order: LoadOrder) -> bytes:
    """The listing with the fields of this server, serialized as Dagster does.

    So the loaded code gives the same bytes, unless the definitions differ.
    """
    fields = _object(listing, "listing")
    return json.dumps(
        {**fields, **{name: getattr(order, name) for name in _OF_THE_SERVER}}
    ).encode()


def _definitions_of(data: bytes) -> Definitions | None:
    found = _object(data, "definitions")
    for names in found.values():
        if not isinstance(names, dict) or not all(isinstance(each, str) for each in names.values()):
            raise TypeError("the definitions are not by kind and name")
    return found or None


def _object(data: bytes, what: str) -> dict[str, Any]:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError(f"the {what} is no JSON object")
    return found


def _repository(message: v1.Repository) -> RepositorySnapshot:
    message.deferred.decode()  # Raises if clients could not read it.
    jobs: dict[str, asyncio.Future[bytes | None]] = {}
    for job in message.jobs:
        if job.data:
            job.data.decode()  # Raises if clients could not read it.
            jobs[job.name] = _done(job.data)
    names = {
        "job": frozenset(job.name for job in message.jobs),
        "schedule": frozenset(message.schedules),
        "sensor": frozenset(message.sensors),
    }
    counts = {each.kind: each.count for each in message.counts}
    if missing := _COUNTED - counts.keys():
        raise ValueError(f"it does not say how many {min(missing)} there are")
    return RepositorySnapshot(message.deferred, jobs, names, counts)


def _done(value: T) -> asyncio.Future[T]:
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
