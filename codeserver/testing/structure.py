"""The structure of a job with its graphs unfolded: ops, and edges between ops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeserver.api import v1


def ops_of(graph: v1.Graph) -> list[str]:
    """The handles of all ops, in an order in which they could be executed."""
    return list(_ops(graph))


def ends_of_edges(graph: v1.Graph) -> list[tuple[str, str]]:
    """The edges between ops, as `op.output` and `op.input`, level by level from the outside."""
    return list(_edges(graph))


def _ops(graph: v1.Graph) -> Iterator[str]:
    for node in graph.nodes:
        if node.HasField("graph"):
            yield from _ops(node.graph)
        else:
            yield node.handle


def _edges(graph: v1.Graph) -> Iterator[tuple[str, str]]:
    nodes = {node.name: node for node in graph.nodes}
    for edge in graph.edges:
        for start in _outputs(nodes[edge.from_node], edge.from_output):
            for end in _inputs(nodes[edge.to_node], edge.to_input):
                yield start, end
    for node in graph.nodes:
        if node.HasField("graph"):
            yield from _edges(node.graph)


def _outputs(node: v1.Node, name: str) -> Iterator[str]:
    """The outputs of ops that an output of a node is."""
    if not node.HasField("graph"):
        yield f"{node.handle}.{name}"
        return
    inner = {each.name: each for each in node.graph.nodes}
    for mapping in node.graph.output_mappings:
        if mapping.output == name:
            yield from _outputs(inner[mapping.node], mapping.node_output)


def _inputs(node: v1.Node, name: str) -> Iterator[str]:
    """The inputs of ops that an input of a node is."""
    if not node.HasField("graph"):
        yield f"{node.handle}.{name}"
        return
    inner = {each.name: each for each in node.graph.nodes}
    for mapping in node.graph.input_mappings:
        if mapping.input == name:
            yield from _inputs(inner[mapping.node], mapping.node_input)
