"""The location as a `Location` message."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from codeserver.api.v1 import location_pb2 as pb
from codeserver.config import Config
from codeserver.facts import ImportTime
from codeserver.front.typed_api import load_errors
from codeserver.letters import clean
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host
from codeserver.supervisor.location import Location
from codeserver.target import Target

M = TypeVar("M", Duration, Timestamp)

_NANOS = 1_000_000_000
_PHASES = {"importing": "import", "resolving": "resolve", "describing": "snapshot"}


@dataclass(frozen=True)
class Access:
    """How clients reach a location.

    Attributes:
        addresses: `HOST:PORT` and `unix:PATH` of this location alone.
        hosts: host names by which a port that several locations share knows it; those of the
            operator first, the one that is made of its name last.
    """

    addresses: Sequence[str] = ()
    hosts: Sequence[str] = ()


class LocationMessages:
    """Makes `Location` messages.

    Attributes:
        access: how clients reach the location.
    """

    def __init__(self, config: Config, target: Target, location: Location) -> None:
        self.access = Access()
        self._config = config
        self._location = location
        self._started_at = _time(Timestamp, time.time())
        self._failure: LoadFailure | None = None
        self._load_error = pb.LoadError()
        self._target = pb.Target(
            **{name: clean(value) for name, value in vars(target).items() if value is not None}
        )

    def make(self) -> pb.Location:
        """The message for the current state of the location."""
        location, counts = self._location, self._location.load_counts
        message = pb.Location(
            name=location.name,
            target=self._target,
            state=f"STATE_{location.current.state.name}",
            server_id=location.current.server_id,
            loads=counts.ended,
            failed_loads=counts.failed,
            versions=pb.Versions(codeserver=_version(), python=location.forkservers.python),
            container_image=self._config.container_image or "",
            watches_files=self._config.watch,
            started_at=self._started_at,
            work=self._work(),
            imports=map(_import, location.imports),
            addresses=map(clean, self.access.addresses),
            hosts=self.access.hosts,
            executable_path=clean(self._config.python or sys.executable),
        )
        if (failure := location.current.served.failure) is not None:
            message.load_error.CopyFrom(self._error_of(failure))
        if (generation := location.current.served.generation) is not None:
            _add_generation(message, generation)
        if location.current.unloaded_at is not None:
            message.unloaded_at.CopyFrom(_time(Timestamp, location.current.unloaded_at))
        return message

    def _error_of(self, failure: LoadFailure) -> pb.LoadError:
        """The message for the failure, made once: stacks can be long, and clients poll."""
        if failure is not self._failure:
            self._failure, self._load_error = failure, load_errors.of_failure(failure)
        return self._load_error

    def _work(self) -> pb.Work:
        queue = self._location.queue
        return pb.Work(
            running=queue.running,
            queued=queue.waiting,
            max_running=queue.total,
            max_queued=queue.queue,
            subjects=[
                pb.Subject(name=name, running=running, queued=queued)
                for name, (running, queued) in queue.subjects.items()
            ],
            runs=len(self._location.runs.current),
            refused=queue.counts.refused,
            ended=queue.counts.ended,
            crashed=queue.counts.crashed,
        )


def _add_generation(message: pb.Location, served: Generation) -> None:
    host, snapshot = served.host, served.snapshot
    if isinstance(host, Host):
        message.generation = served.number
        message.loaded_at.CopyFrom(_time(Timestamp, served.loaded_at))
        message.load_times.total.CopyFrom(_time(Duration, served.seconds))
        for field, phase in _PHASES.items():
            getattr(message.load_times, field).CopyFrom(_time(Duration, snapshot.seconds[phase]))
    loaded = host.report
    message.versions.dagster = loaded.libraries.get("dagster", "")
    message.versions.libraries.update(loaded.libraries)
    message.counts.CopyFrom(pb.Counts(**snapshot.counts))
    message.isolation.CopyFrom(
        pb.Isolation(mode=f"MODE_{loaded.isolation.upper()}", reasons=map(clean, loaded.reasons))
    )
    modes = host.run_modes
    message.runs.CopyFrom(
        pb.Runs(
            mode=f"MODE_{modes.choice.mode.name}",
            reasons=modes.choice.reasons,
            rehearsing=modes.is_rehearsing,
        )
    )
    message.repositories.extend(snapshot.repositories)


@functools.cache
def _version() -> str:
    from importlib import metadata  # imported late: it is the server's slowest import

    return metadata.version("codeserver")


def _import(found: ImportTime) -> pb.ModuleImport:
    return pb.ModuleImport(
        module=found.module,
        file=clean(found.file),
        own=_time(Duration, found.own),
        cumulative=_time(Duration, found.cumulative),
        is_users=found.is_users,
        imported_by=found.imported_by,
    )


def _time(kind: type[M], seconds: float) -> M:
    whole, rest = divmod(seconds, 1)
    return kind(seconds=int(whole), nanos=int(rest * _NANOS))
