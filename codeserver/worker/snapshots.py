"""Build what clients are told about a location, hand it to the front, and exit.

This runs in a child forked from the host: building snapshots fills memory that the host would
otherwise carry into every evaluator and run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import NoReturn

from codeserver.worker import dagster_internals as dagster
from codeserver.worker import process
from codeserver.worker.channel import Channel
from codeserver.worker.failures import current_error
from codeserver.worker.location import Location

_IMPLICIT_JOB_PREFIX = "__ASSET_JOB"


def build(channel: Channel, location: Location) -> NoReturn:
    """Send the location's snapshots: first what a client loads first, then each job.

    A location that cannot be described has failed to load. A single job that cannot be is left
    out, and whoever asks for it gets the error.
    """
    described = describe(channel, location)
    process.flush()
    # Not sys.exit: what happens at exit belongs to the host.
    os._exit(0 if described else 1)


def describe(channel: Channel, location: Location) -> bool:
    """Send the location's snapshots; returns whether it could be described."""
    try:
        _send_location(channel, location)
    except (BrokenPipeError, ConnectionResetError):
        return False
    except Exception:
        error = current_error()
        body = dagster.serialize_value(error).encode()
        channel.send({"kind": "failed", "text": error.to_string()}, body)
        return False
    for name, repository in location.repositories.items():
        for job_name in sorted(repository.job_names):
            with contextlib.suppress(Exception):
                body = job(repository, job_name).encode()
                channel.send({"kind": "job", "repository": name, "name": job_name}, body)
    with contextlib.suppress(OSError):
        channel.send({"kind": "described"})
    return True


def _send_location(channel: Channel, location: Location) -> None:
    started = time.monotonic()
    digest = hashlib.sha256()
    listing = list_repositories(location).encode()
    digest.update(listing)
    channel.send({"kind": "listing"}, listing)
    for name, repository in location.repositories.items():
        snapshot = dagster.RepositorySnap.from_def(repository, defer_snapshots=True)
        body = dagster.serialize_value(snapshot).encode()
        digest.update(body)
        header = {
            "kind": "repository",
            "name": name,
            "jobs": [ref.name for ref in snapshot.get_job_refs()],
            "schedules": [schedule.name for schedule in snapshot.schedules],
            "sensors": [sensor.name for sensor in snapshot.sensors],
            "counts": _count(snapshot),
        }
        channel.send(header, body)
    seconds = time.monotonic() - started
    channel.send({"kind": "summary", "digest": digest.hexdigest(), "seconds": seconds})


def list_repositories(location: Location) -> str:
    """The serialized `ListRepositoriesResponse`."""
    order = location.order
    return dagster.serialize_value(
        dagster.ListRepositoriesResponse(
            location.symbols,
            executable_path=order.executable_path,
            repository_code_pointer_dict=location.pointers,
            entry_point=order.entry_point,
            container_image=order.container_image,
            container_context=order.container_context,
            dagster_library_versions=dagster.DagsterLibraryRegistry.get(),
            defs_state_info=order.state,
        )
    )


def whole_repository(repository: dagster.RepositoryDefinition) -> str:
    """The serialized `RepositorySnap` with every job in it."""
    return dagster.serialize_value(
        dagster.RepositorySnap.from_def(repository, defer_snapshots=False)
    )


def job(repository: dagster.RepositoryDefinition, name: str) -> str:
    """The serialized `JobDataSnap` of one job."""
    return dagster.serialize_value(
        dagster.JobDataSnap.from_job_def(repository.get_job(name), include_parent_snapshot=True)
    )


def _count(snapshot: dagster.RepositorySnap) -> dict[str, int]:
    jobs = [ref for ref in snapshot.get_job_refs() if not ref.name.startswith(_IMPLICIT_JOB_PREFIX)]
    return {
        "jobs": len(jobs),
        "assets": len(snapshot.asset_nodes),
        "schedules": len(snapshot.schedules),
        "sensors": len(snapshot.sensors),
    }
