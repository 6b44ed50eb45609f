"""The definitions of one generation as messages, and its asset graph in small ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codeserver.api.v1.code_location_pb2 import GetAssetGraphResponse
from codeserver.api.v1.definitions_pb2 import Asset, AssetEdge, Job, Resource, Schedule, Sensor
from codeserver.front.typed_api import values

_MOST_BYTES = 1_000_000
"""Bytes in one message of an asset graph, which every client accepts."""


@dataclass(frozen=True)
class Catalog:
    """The definitions; each kind is sorted by repository and name."""

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


def graph_messages(assets: Sequence[Asset], generation: int) -> list[bytes]:
    """The serialized messages of an asset graph: the assets, then the dependencies between them."""
    keys = {asset.key for asset in assets}
    edges = (
        AssetEdge(from_key=dependency.key, to_key=asset.key)
        for asset in assets
        for dependency in asset.dependencies
        if dependency.key in keys
    )
    parts = [
        *({"assets": each} for each in _parts(iter(assets))),
        *({"edges": each} for each in _parts(edges)),
    ]
    return [
        GetAssetGraphResponse(**part, generation=generation).SerializeToString()
        for part in parts or [{}]
    ]


def _parts(found: Iterator[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    room = _MOST_BYTES
    for each in found:
        size = each.ByteSize()
        if part and size > room:
            yield part
            part, room = [], _MOST_BYTES
        part.append(each)
        room -= size
    if part:
        yield part
