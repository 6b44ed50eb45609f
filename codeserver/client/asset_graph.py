"""The asset graph in one piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codeserver.api import v1


@dataclass(frozen=True)
class AssetGraph:
    """Assets and their dependencies.

    Attributes:
        assets: the assets, in the order of their keys.
        edges: the dependencies between them.
        generation: number of the load that defined them.
    """

    assets: Sequence[v1.Asset]
    edges: Sequence[v1.AssetEdge]
    generation: int

    @classmethod
    def joined(cls, parts: Iterable[v1.GetAssetGraphResponse]) -> AssetGraph:
        """The graph that a server has sent in these parts."""
        assets: list[v1.Asset] = []
        edges: list[v1.AssetEdge] = []
        generation = 0
        for part in parts:
            assets += part.assets
            edges += part.edges
            generation = part.generation
        return cls(assets, edges, generation)
