"""Diagrams of asset groups, for locations with too many assets for one picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from codeserver.api import v1
from codeserver.drawing.assets import DEFAULT_GROUP, from_assets
from codeserver.drawing.diagram import Cluster, Diagram, Edge, Node, counted

MOST_ASSETS = 100
"""The largest picture that people can still read."""

Assets = Sequence[v1.Asset]
Edges = Sequence[v1.AssetEdge]


def group_of(asset: v1.Asset) -> str:
    """The name of its group; Dagster's default group if it has none."""
    return asset.group or DEFAULT_GROUP


def nearest(assets: Assets, edges: Edges, depth: int) -> Assets:
    """The assets at most `depth` dependencies after a root.

    A root is an asset that depends on none of `assets`.
    """
    known = {asset.key for asset in assets}
    after: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if {edge.from_key, edge.to_key} <= known and edge.from_key != edge.to_key:
            after[edge.from_key].append(edge.to_key)
    begun = {key for keys in after.values() for key in keys}
    reached = here = known - begun
    for _ in range(depth):
        here = {key for each in here for key in after[each]} - reached
        reached = reached | here
    return [asset for asset in assets if asset.key in reached]


def from_groups(assets: Assets, edges: Edges) -> Diagram:
    """The diagram of groups: a card for each, and lines with the number of dependencies."""
    groups = {asset.key: group_of(asset) for asset in assets}
    ids = {key: _id(group) for key, group in groups.items()}
    return Diagram(
        title="Assets by group",
        nodes=_cards(groups, dict.fromkeys(groups.values())),
        edges=_lines(edges, ids),
    )


def from_group(assets: Assets, edges: Edges, group: str) -> Diagram:
    """The diagram of one group, with a card for each group that has a dependency with it."""
    inside = [asset for asset in assets if group_of(asset) == group]
    groups = {asset.key: group_of(asset) for asset in assets}
    ids = {key: key if its == group else _id(its) for key, its in groups.items()}
    lines = [
        line
        for line in _lines(edges, ids)
        if groups.get(line.source) == group or groups.get(line.target) == group
    ]
    beside = {end for line in lines for end in (line.source, line.target)}
    neighbours = [each for each in dict.fromkeys(groups.values()) if _id(each) in beside]
    within = from_assets(inside, edges, f"Group {group}")
    return Diagram(
        title=within.title,
        nodes=(
            *(Node(**{**vars(node), "cluster": group}) for node in within.nodes),
            *_cards(groups, neighbours),
        ),
        edges=(
            *within.edges,
            *(line for line in lines if not {line.source, line.target} <= groups.keys()),
        ),
        clusters=(Cluster(group, group, "group"),),
    )


def _id(group: str) -> str:
    return f"group {group}"


def _cards(groups: Mapping[str, str], wanted: Iterable[str]) -> tuple[Node, ...]:
    many = Counter(groups.values())
    return tuple(
        Node(id=_id(group), title=group, kind="group", badges=(counted(many[group], "asset"),))
        for group in wanted
    )


def _lines(edges: Edges, ids: Mapping[str, str]) -> tuple[Edge, ...]:
    """One line for all dependencies between two cards, and none within a card."""
    pairs = dict.fromkeys((edge.from_key, edge.to_key) for edge in edges)
    many = Counter(
        (ids[source], ids[target]) for source, target in pairs if {source, target} <= ids.keys()
    )
    return tuple(
        Edge(source, target, counted(number, "dependency", "dependencies") if number > 1 else "")
        for (source, target), number in many.items()
        if source != target
    )
