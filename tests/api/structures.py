"""Dependency structures as plain data, of our messages and of Dagster's definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.graph_definition import GraphDefinition

from codeserver.api import v1

Structure = dict[str, Any]
Edges = list[tuple[str, str, str, str, bool]]


def graphs_in(graph: v1.Graph, handle: str = "") -> Iterator[tuple[str, v1.Graph]]:
    """The graph and those inside it, each under its handle; the outermost has none."""
    yield handle, graph
    for node in graph.nodes:
        if node.HasField("graph"):
            yield from graphs_in(node.graph, node.handle)


def nodes_in(graph: v1.Graph) -> Iterator[v1.Node]:
    """The nodes at every level."""
    for _, each in graphs_in(graph):
        yield from each.nodes


def edges_of(graph: v1.Graph) -> Edges:
    """The edges of this graph, not of those inside it."""
    return sorted(
        (edge.from_node, edge.from_output, edge.to_node, edge.to_input, edge.is_collected)
        for edge in graph.edges
    )


def mappings_of(graph: v1.Graph) -> Any:
    """The input and output mappings of this graph."""
    return (
        sorted((each.input, each.node, each.node_input) for each in graph.input_mappings),
        sorted((each.output, each.node, each.node_output) for each in graph.output_mappings),
    )


def expected_graphs(job: dg.JobDefinition) -> dict[str, Any]:
    """By handle, the edges that are in the job's snapshot."""
    snapshot = job.get_job_snapshot()
    definitions = {each.name: each for each in snapshot.node_defs_snapshot.graph_def_snaps}

    def walk(structure: Any, handle: str) -> Iterator[tuple[str, Edges]]:
        yield handle, _edges_in(structure)
        for node in structure.node_invocation_snaps:
            if node.node_def_name in definitions:
                inside = definitions[node.node_def_name].dep_structure_snapshot
                yield from walk(inside, f"{handle}.{node.node_name}".lstrip("."))

    return dict(walk(snapshot.dep_structure_snapshot, ""))


def _edges_in(structure: Any) -> Edges:
    return sorted(
        (
            upstream.node_name,
            upstream.output_name,
            node.node_name,
            into.input_name,
            into.is_dynamic_collect,
        )
        for node in structure.node_invocation_snaps
        for into in node.input_dep_snaps
        for upstream in into.upstream_output_snaps
    )


def expected_nodes(
    graph: GraphDefinition, handle: str = "", *, is_mapped: bool = False
) -> Iterator[tuple[str, Any, bool]]:
    """Each node of Dagster's graph: its handle, itself, and whether it is mapped.

    What is inside of a graph that is mapped is mapped, too.
    """
    for node in graph.nodes:
        inside = f"{handle}.{node.name}".lstrip(".")
        mapped = is_mapped or graph.dependency_structure.is_dynamic_mapped(node.name)
        yield inside, node, mapped
        if isinstance(node.definition, GraphDefinition):
            yield from expected_nodes(node.definition, inside, is_mapped=mapped)


def expected_mappings(graph: GraphDefinition) -> Any:
    """As `mappings_of`, of Dagster's definition."""
    return (
        sorted(
            (each.graph_input_name, each.mapped_node_name, each.mapped_node_input_name)
            for each in graph.input_mappings
        ),
        sorted(
            (
                each.graph_output_name,
                each.maps_from.node_name,
                each.maps_from.output_name,
            )
            for each in graph.output_mappings
        ),
    )
