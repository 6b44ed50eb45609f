"""The asset graph in messages small enough for every client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from codeserver.api.v1.code_location_pb2 import GetAssetGraphResponse
from codeserver.api.v1.definitions_pb2 import Asset, AssetEdge

_MOST_BYTES = 1_000_000


def messages(assets: Sequence[Asset], generation: int) -> list[bytes]:
    """The stream's serialized messages: the assets, then the dependencies between them.

    Args:
        assets: the selected assets, in the order to send them.
        generation: number of the load that the assets come from.
    """
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
