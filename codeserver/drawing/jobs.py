"""A diagram of a job: ops as cards, nested graphs as boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from codeserver.api import v1
from codeserver.drawing.diagram import Cluster, Diagram, Edge, Node, Style
from codeserver.drawing.facts import first_line, policies

_DEFAULT_OUTPUT = "result"
"""Dagster's name for the only output of an op that does not name it."""

End = tuple[v1.Node, str]
"""An op, and the name of one of its inputs or outputs."""


def from_job(response: v1.GetJobResponse) -> Diagram:
    """The diagram of a job.

    A line to an input of a graph ends at the ops inside that take the value. A line from an output
    of a graph begins at the op inside that gives it.
    """
    parts = list(_parts(response.graph, ""))
    return Diagram(
        title=response.job.name or response.graph.name,
        nodes=tuple(part for part in parts if isinstance(part, Node)),
        edges=tuple(dict.fromkeys(part for part in parts if isinstance(part, Edge))),
        clusters=tuple(part for part in parts if isinstance(part, Cluster)),
    )


def _parts(graph: v1.Graph, cluster: str) -> Iterator[Node | Edge | Cluster]:
    collecting = {edge.to_node for edge in graph.edges if edge.is_collected}
    for node in graph.nodes:
        badges = _badges(node, collects=node.name in collecting)
        if not node.graph.nodes:
            yield _card(node, cluster, badges)
            continue
        subtitle = "" if node.name == node.definition else node.definition
        yield Cluster(node.handle, node.name, "graph", cluster, subtitle, badges)
        yield from _parts(node.graph, node.handle)
    yield from _edges(graph)


def _card(node: v1.Node, cluster: str, badges: tuple[str, ...]) -> Node:
    if node.definition not in {"", node.name}:
        subtitle = node.definition
    else:
        subtitle = first_line(node.description)
    return Node(
        id=node.handle,
        title=node.name,
        kind="graph" if node.kind == v1.Node.KIND_GRAPH else "op",
        subtitle=subtitle,
        cluster=cluster,
        badges=badges,
        is_mapped=node.is_mapped,
    )


def _badges(node: v1.Node, *, collects: bool) -> tuple[str, ...]:
    badges = ["for each value"] if node.is_mapped else []
    if collects:
        badges.append("collects")
    badges.extend(policies(node.pool, node.retry_policy))
    return tuple(badges)


def _edges(graph: v1.Graph) -> Iterator[Edge]:
    """The lines of one graph, drawn to the ops inside its nodes."""
    nodes = {node.name: node for node in graph.nodes}
    several = _inputs_of_several(graph)
    for edge in graph.edges:
        source, target = nodes.get(edge.from_node), nodes.get(edge.to_node)
        if source is None or target is None:
            continue
        style = _style(edge, source)
        label = _label(edge, edge.to_node in several)
        for giver, output in givers(source, edge.from_output):
            for taker, its_input in takers(target, edge.to_input):
                yield Edge(giver.handle, taker.handle, label, style, output, its_input)


def _inputs_of_several(graph: v1.Graph) -> set[str]:
    """Names of the nodes with more than one connected input."""
    used: defaultdict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        used[edge.to_node].add(edge.to_input)
    return {name for name, inputs in used.items() if len(inputs) > 1}


def _style(edge: v1.Edge, source: v1.Node) -> Style:
    if edge.is_collected:
        return "collected"
    dynamic = any(out.name == edge.from_output and out.is_dynamic for out in source.outputs)
    return "dynamic" if dynamic else "plain"


def _label(edge: v1.Edge, to_several: bool) -> str:
    """The name of the output unless it is the default, and of the input if it is one of several."""
    given = "" if edge.from_output == _DEFAULT_OUTPUT else edge.from_output
    taken = edge.to_input if to_several else ""
    if given and taken and given != taken:
        return f"{given} → {taken}"
    return given or taken


def givers(node: v1.Node, output: str) -> Iterator[End]:
    """The ops that give the value of an output."""
    yield from _ends(node, output, "output", -1)


def takers(node: v1.Node, its_input: str) -> Iterator[End]:
    """The ops that take the value of an input."""
    yield from _ends(node, its_input, "input", 0)


def _ends(node: v1.Node, name: str, side: str, fallback: int) -> Iterator[End]:
    if not node.graph.nodes:
        yield node, name
        return
    inner = {each.name: each for each in node.graph.nodes}
    mapped = [
        each
        for each in getattr(node.graph, f"{side}_mappings")
        if getattr(each, side) == name and each.node in inner
    ]
    for mapping in mapped:
        yield from _ends(inner[mapping.node], getattr(mapping, f"node_{side}"), side, fallback)
    if not mapped:  # So that no line is lost: the op that is executed first, or last.
        yield from _ends(node.graph.nodes[fallback], "", side, fallback)
