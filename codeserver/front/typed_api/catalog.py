"""The definitions of one generation, as messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from codeserver.api.v1.definitions_pb2 import Asset, Job, Resource, Schedule, Sensor
from codeserver.front.typed_api import values


@dataclass(frozen=True)
class Catalog:
    """The definitions; each kind is sorted by repository and name.

    Attributes:
        generation: number of the load that the definitions come from.
    """

    generation: int
    jobs: tuple[Job, ...]
    assets: tuple[Asset, ...]
    schedules: tuple[Schedule, ...]
    sensors: tuple[Sensor, ...]
    resources: tuple[Resource, ...]


def read(body: bytes, generation: int) -> Catalog:
    """The catalog in a worker's description; slow for a large one, so not for the event loop."""
    found = values.read(body)
    return Catalog(
        generation,
        _each(Job, found["jobs"]),
        _each(Asset, found["assets"]),
        _each(Schedule, found["schedules"]),
        _each(Sensor, found["sensors"]),
        _each(Resource, found["resources"]),
    )


def _each(message: Any, described: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(message(**fields) for fields in described)
