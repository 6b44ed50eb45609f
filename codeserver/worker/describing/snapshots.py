"""Build the snapshots of a location, and send them to the front.

This runs in a fork of the host: building snapshots fills memory that the host would otherwise carry
into every evaluator and run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from codeserver.messages import (
    DefinitionDigests,
    Described,
    JobSnapshot,
    Listing,
    Repository,
    Summary,
)
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.failures import report
from codeserver.worker.loading.component_state import pinned_state
from codeserver.worker.loading.location import Location, is_dynamic
from codeserver.worker.process import basics
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.originals import os


def build(channel: Channel, location: Location) -> NoReturn:
    """Send the snapshots of the location, and exit."""
    with basics.no_garbage_collection():
        described = describe(channel, location)
    basics.flush()
    # Not sys.exit: exit handlers belong to the host.
    os._exit(0 if described else 1)


def describe(channel: Channel, location: Location) -> bool:
    """Send the snapshots of the location, and then of each job.

    A job that cannot be described is left out; a request for it gets the error from an evaluator.

    Returns:
        Whether the location could be described. If not, it has failed to load.
    """
    try:
        _send_location(channel, location)
    except (BrokenPipeError, ConnectionResetError):
        return False
    except Exception as failure:
        channel.send(report(failure))
        return False
    for name, repository in location.repositories.items():
        for job_name in sorted(repository.job_names):
            with contextlib.suppress(Exception):
                body = job(repository, job_name).encode()
                channel.send(JobSnapshot(body, name, job_name))
    with contextlib.suppress(OSError):
        channel.send(Described())
    return True


def _send_location(channel: Channel, location: Location) -> None:
    """Send the messages that serving needs, and then the digests for listing changes."""
    started = time.monotonic()
    digest = hashlib.sha256()
    listing = list_repositories(location).encode()
    digest.update(listing)
    channel.send(Listing(listing))
    snapshots: list[dagster.RepositorySnap] = []
    for name, repository in location.repositories.items():
        snapshot = described(repository)
        snapshots.append(snapshot)
        body = dagster.serialize_value(snapshot).encode()
        digest.update(body)
        channel.send(
            Repository(
                body,
                name,
                jobs=[ref.name for ref in snapshot.get_job_refs()],
                schedules=[schedule.name for schedule in snapshot.schedules],
                sensors=[sensor.name for sensor in snapshot.sensors],
                counts=_count(snapshot),
                is_dynamic=is_dynamic(repository),
            )
        )
    seconds = time.monotonic() - started
    channel.send(Summary(digest.hexdigest(), seconds))
    with contextlib.suppress(Exception):  # the location can be served without digests
        channel.send(DefinitionDigests(json.dumps(_definitions(snapshots)).encode()))


def described(repository: dagster.RepositoryDefinition) -> dagster.RepositorySnap:
    """The snapshot of a repository, without those of its jobs."""
    return dagster.RepositorySnap.from_def(repository, defer_snapshots=True)


def list_repositories(location: Location) -> str:
    """The serialized `ListRepositoriesResponse`."""
    order = location.order
    return dagster.serialize_value(
        dagster.listing_of(
            location.symbols,
            executable_path=order.executable_path,
            repository_code_pointer_dict=location.pointers,
            entry_point=order.entry_point,
            container_image=order.container_image,
            container_context=order.container_context,
            dagster_library_versions=library_versions(),
            defs_state_info=pinned_state(order),
        )
    )


def library_versions() -> dict[str, str]:
    """Versions of Dagster and its libraries, sorted, so independent of the order of imports."""
    return dict(sorted(dagster.DagsterLibraryRegistry.get().items()))


def job(repository: dagster.RepositoryDefinition, name: str) -> str:
    """The serialized `JobDataSnap` of one job."""
    return dagster.serialize_value(
        dagster.JobDataSnap.from_job_def(repository.get_job(name), include_parent_snapshot=True)
    )


def _definitions(snapshots: Sequence[dagster.RepositorySnap]) -> dict[str, dict[str, str]]:
    """A digest of each definition, by kind and name."""
    found: dict[str, dict[str, str]] = {}
    for snapshot in snapshots:
        prefix = f"{snapshot.name}/" if len(snapshots) > 1 else ""
        for kind, name, value in _each(snapshot):
            digest = hashlib.blake2b(dagster.serialize_value(value).encode(), digest_size=8)
            found.setdefault(kind, {})[f"{prefix}{name}"] = digest.hexdigest()
    return found


def _each(snapshot: dagster.RepositorySnap) -> Iterator[tuple[str, str, Any]]:
    for node in snapshot.asset_nodes:
        yield "asset", node.asset_key.to_user_string(), node
    for check in snapshot.asset_check_nodes or ():
        yield "check", check.key.to_user_string(), check
    for ref in _jobs(snapshot):
        yield "job", ref.name, ref
    for schedule in snapshot.schedules:
        yield "schedule", schedule.name, schedule
    for sensor in snapshot.sensors:
        yield "sensor", sensor.name, sensor
    for resource in snapshot.resources or ():
        yield "resource", resource.name, resource


def _jobs(snapshot: dagster.RepositorySnap) -> list[Any]:
    """References to the jobs, without those that Dagster makes for assets."""
    refs = snapshot.get_job_refs()
    return [ref for ref in refs if not dagster.is_reserved_asset_job_name(ref.name)]


def _count(snapshot: dagster.RepositorySnap) -> dict[str, int]:
    return {
        "jobs": len(_jobs(snapshot)),
        "assets": len(snapshot.asset_nodes),
        "schedules": len(snapshot.schedules),
        "sensors": len(snapshot.sensors),
    }
