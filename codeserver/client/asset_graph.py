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
        found = list(parts)
        return cls(
            [asset for part in found for asset in part.assets],
            [edge for part in found for edge in part.edges],
            found[-1].generation if found else 0,
        )
