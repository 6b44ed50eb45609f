"""What is drawn: cards, the lines between them, and the boxes around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What things are called in JSON is public; the names of the attributes are that, too.
Kind = Literal["op", "graph", "asset", "observable", "external", "step", "group"]
Style = Literal["plain", "dynamic", "collected"]


@dataclass(frozen=True)
class Node:
    """A card.

    Attributes:
        id: unique in the diagram.
        title: what people call it.
        kind: what it stands for.
        subtitle: the definition behind it, or what it is for, in one line.
        cluster: id of the innermost box around it; empty for none.
        badges: short facts.
        is_mapped: whether it is executed once for each value of a dynamic output.
        level: its column from the left, when that is given and not to be found out.
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
        """Whether it is drawn as if it were several cards."""
        return self.is_mapped or self.kind == "group"


@dataclass(frozen=True)
class Edge:
    """A line from one card to another.

    Attributes:
        source: id of the node that it comes from.
        target: id of the node that it goes to.
        label: what is said about it, in a few words; empty for nothing.
        style: how values go along it: one, one for each value of a dynamic output, or all that were
            mapped, together.
        source_port: name of the output. Lines of one output begin in one point.
        target_port: name of the input. Lines to one input end in one point.
        note: what the label says, at length; empty where the label says it all.
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
        title: what people call it.
        kind: a graph inside a job, or a group of assets.
        parent: id of the box around it; empty for none.
        subtitle: the definition behind it, in one line.
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
    """Everything that one drawing shows. The order is the order in which it is listed.

    Attributes:
        title: what the whole is.
        nodes: the cards.
        edges: the lines; both ends of each are among the nodes.
        clusters: the boxes; each contains a node, and comes after the box around it.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    clusters: tuple[Cluster, ...] = ()

    def summary(self) -> str:
        """How much there is, such as `3 ops in 1 graph, 2 dependencies`."""
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
