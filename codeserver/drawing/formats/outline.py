"""A diagram in a form that can be listed from top to bottom, everything once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from codeserver.drawing.diagram import Diagram, Node
from codeserver.drawing.layout import layers
from codeserver.drawing.texts import shown


@dataclass(frozen=True)
class Entry:
    """One node in its place.

    Attributes:
        node: the node.
        prefix: names of the graphs that it is in, each with a dot behind it.
        group: id of the group that it is listed in; empty for none.
        under: id of the node that it is under; empty for none.
        others: full names of the other nodes before it.
    """

    node: Node
    prefix: str
    group: str
    under: str
    others: tuple[str, ...]


def entries(diagram: Diagram, deepest: int) -> Iterator[Entry]:
    """The nodes, each after the one that it is under.

    A node is under the last of those before it that are in its group: the one that has the longest
    way behind it.

    Args:
        diagram: what is listed.
        deepest: so many nodes are under each other at most. One that would be deeper is under none.
    """
    nodes = diagram.nodes
    prefixes, groups = _clusters(diagram)
    names = [prefixes.get(node.cluster, "") + shown(node.title) for node in nodes]
    number = {node.id: index for index, node in enumerate(nodes)}
    before: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for edge in diagram.edges:
        before[number[edge.target]][number[edge.source]] = None
    forwards = layers.acyclic(
        len(nodes), [(source, target) for target, its in before.items() for source in its]
    )
    to_left, to_right = layers.neighbours(len(nodes), forwards)
    level, depth = [0] * len(nodes), [0] * len(nodes)
    for index in layers.in_order(to_left, to_right):
        node, group = nodes[index], groups.get(nodes[index].cluster, "")
        level[index] = max((level[each] + 1 for each in to_left[index]), default=0)
        near = [each for each in to_left[index] if groups.get(nodes[each].cluster, "") == group]
        under = max(near, key=level.__getitem__, default=None)
        if under is not None and depth[under] + 1 >= deepest:
            under = None
        depth[index] = 0 if under is None else depth[under] + 1
        yield Entry(
            node=node,
            prefix=prefixes.get(node.cluster, ""),
            group=group,
            under="" if under is None else nodes[under].id,
            others=tuple(
                "itself" if each == index else names[each]
                for each in before[index]
                if each != under
            ),
        )


def _clusters(diagram: Diagram) -> tuple[dict[str, str], dict[str, str]]:
    """What nodes in graphs have before their names, and the clusters that are groups."""
    prefixes: dict[str, str] = {}
    groups: dict[str, str] = {}
    for cluster in diagram.clusters:
        if cluster.kind == "group":
            groups[cluster.id] = cluster.id
        else:
            prefixes[cluster.id] = f"{prefixes.get(cluster.parent, '')}{shown(cluster.title)}."
    return prefixes, groups
