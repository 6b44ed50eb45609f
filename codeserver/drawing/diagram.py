"""The content of a drawing: cards, the lines between them, and the boxes around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# These words, and the names of the attributes below, are public: the JSON format has them.
Kind = Literal["op", "graph", "asset", "observable", "external", "step", "group"]
Style = Literal["plain", "dynamic", "collected"]


@dataclass(frozen=True)
class Node:
    """A card.

    Attributes:
        id: unique in the diagram.
        title: name that people know it by.
        kind: type of definition that it stands for.
        subtitle: its definition or its purpose, in one line.
        cluster: id of the innermost box around it; empty for none.
        badges: short facts.
        is_mapped: whether it is executed once for each value of a dynamic output.
        level: its column from the left, from 0; None to let the layout choose one.
    """

    id: str
    title: str
    kind: Kind
    subtitle: str = ""
    cluster: str = ""
    badges: tuple[str, ...] = ()
    is_mapped: bool = False
    level: int | None = None

    @property
    def is_several(self) -> bool:
        """Whether it is drawn as a stack of cards."""
        return self.is_mapped or self.kind == "group"


@dataclass(frozen=True)
class Edge:
    """A line from one card to another.

    Attributes:
        source: id of the node that it comes from.
        target: id of the node that it goes to.
        label: a few words beside the line; empty for none.
        style: number of values that pass along it: one (`plain`), one for each value of a dynamic
            output (`dynamic`), or all mapped values together (`collected`).
        source_port: name of the output. Lines of one output begin at one point.
        target_port: name of the input. Lines to one input end at one point.
        note: the label at full length; empty if the label is complete.
    """

    source: str
    target: str
    label: str = ""
    style: Style = "plain"
    source_port: str = ""
    target_port: str = ""
    note: str = ""


@dataclass(frozen=True)
class Cluster:
    """A box around cards and other boxes.

    Attributes:
        id: unique among the clusters.
        title: name that people know it by.
        kind: a graph inside a job, or a group of assets.
        parent: id of the box around it; empty for none.
        subtitle: its definition, in one line.
        badges: short facts.
    """

    id: str
    title: str
    kind: Literal["graph", "group"]
    parent: str = ""
    subtitle: str = ""
    badges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagram:
    """The content of one drawing. Lists and sources keep its order.

    Attributes:
        title: heading of the drawing.
        nodes: the cards.
        edges: the lines; both ends of each are among the nodes.
        clusters: the boxes; each contains a node, and comes after the box around it.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...] = ()

    def summary(self) -> str:
        """The number of things in it, such as `3 ops in 1 graph, 2 dependencies`."""
        nouns = {"op": "op", "graph": "op", "step": "step", "group": "group"}
        noun = nouns.get(self.nodes[0].kind, "asset") if self.nodes else "node"
        groups = sum(node.kind == "group" for node in self.nodes) if noun == "asset" else 0
        parts = [counted(len(self.nodes) - groups, noun)]
        if groups:
            parts.append("beside " + counted(groups, "group"))
        elif self.clusters:
            parts.append("in " + counted(len(self.clusters), self.clusters[0].kind))
        lines = counted(len(self.edges), "dependency", "dependencies")
        return f"{' '.join(parts)}, {lines}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: `1 op`, `2 ops`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
