"""A diagram of assets: groups as boxes, kinds, checks and partitions as badges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codeserver.api import v1
from codeserver.drawing.diagram import Cluster, Diagram, Edge, Kind, Node, counted
from codeserver.drawing.facts import first_line, partitioning

DEFAULT_GROUP = "default"
"""Dagster's name for the group of assets without a group of their own."""

_LONGEST_LABEL = 20
"""In characters. Dagster describes its own partition mappings in whole sentences."""

_KINDS: Mapping[int, Kind] = {
    v1.Asset.EXECUTION_OBSERVATION: "observable",
    v1.Asset.EXECUTION_EXTERNAL: "external",
}


def from_assets(
    assets: Sequence[v1.Asset], edges: Sequence[v1.AssetEdge], title: str = "Assets"
) -> Diagram:
    """The diagram of assets and their dependencies.

    An asset that several repositories define is drawn once; a definition that can be materialized
    wins over an external one. Dependencies on assets outside `assets` are left out.
    """
    known = _one_of_each_key(assets)
    groups = list(dict.fromkeys(asset.group for asset in known.values() if asset.group))
    if groups == [DEFAULT_GROUP] and all(asset.group for asset in known.values()):
        groups = []  # A box around everything says nothing.
    mappings = {
        (needed.key, asset.key): needed.partition_mapping
        for asset in known.values()
        for needed in asset.dependencies
    }
    pairs = dict.fromkeys((edge.from_key, edge.to_key) for edge in edges)
    return Diagram(
        title=title,
        nodes=tuple(_card(asset, asset.group if groups else "") for asset in known.values()),
        edges=tuple(
            _line(*pair, first_line(mappings.get(pair, "")))
            for pair in pairs
            if pair[0] in known and pair[1] in known
        ),
        clusters=tuple(Cluster(group, group, "group") for group in groups),
    )


def _line(source: str, target: str, mapping: str) -> Edge:
    if len(mapping) <= _LONGEST_LABEL:
        return Edge(source, target, mapping)
    return Edge(source, target, "partition mapping", note=mapping)


def _one_of_each_key(assets: Sequence[v1.Asset]) -> dict[str, v1.Asset]:
    known: dict[str, v1.Asset] = {}
    for asset in assets:
        before = known.get(asset.key)
        if before is None or _KINDS.get(before.execution) == "external":
            known[asset.key] = asset
    return known


def _card(asset: v1.Asset, group: str) -> Node:
    kind = _KINDS.get(asset.execution, "asset")
    badges: list[str] = [] if kind == "asset" else [kind]
    badges.extend(asset.kinds)
    if asset.HasField("partitions"):
        badges.append(partitioning(asset.partitions))
    if asset.checks:
        badges.append(counted(len(asset.checks), "check"))
    return Node(
        id=asset.key,
        title=asset.key,
        kind=kind,
        subtitle=first_line(asset.description),
        cluster=group,
        badges=tuple(badges),
    )
