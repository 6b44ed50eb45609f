"""GetJob: the dependency structure of a job, beside Dagster's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from dagster._core.definitions.dependency import GraphNode
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import job_of
from tests.api.conftest import Serve
from tests.api.structures import (
    edges_of,
    expected_graphs,
    expected_mappings,
    expected_nodes,
    graphs_in,
    mappings_of,
    nodes_in,
)

Code = grpc.StatusCode

GRAPHS = [
    "boxed",
    "branching",
    "decorated",
    "deep",
    "dynamic",
    "fan_in",
    "from_config",
    "from_values",
    "in_processes",
    "ordered",
    "with_the_default_executor",
]
JOBS = [
    *(("graphs", job) for job in GRAPHS),
    *(("example", job) for job in ("example_job", "pod_per_op_job", "words_job")),
    *(("assets", job) for job in ("__ASSET_JOB", "sales_job", "days_job")),
]


@pytest.fixture(scope="module")
def graphs(serve: Serve) -> Api:
    return serve("graphs")


@pytest.fixture(scope="module")
def several(serve: Serve) -> Api:
    return serve("several")


def graph_of(api: Api, name: str, **fields: Any) -> v1.Graph:
    reply = api.call("GetJob", name=name, **fields)
    found: v1.Graph = reply.graph
    return found


def names(nodes: Iterable[Any]) -> list[str]:
    return [node.name for node in nodes]


@pytest.mark.parametrize(("file", "job"), JOBS)
def test_the_structure_is_that_of_dagster(serve: Serve, file: str, job: str) -> None:
    graph = graph_of(serve(file), job)

    expected = job_of(file, job)
    assert {handle: edges_of(each) for handle, each in graphs_in(graph)} == expected_graphs(
        expected
    )
    assert graph.name == expected.graph.name
    assert mappings_of(graph) == expected_mappings(expected.graph)


@pytest.mark.parametrize(("file", "job"), JOBS)
def test_each_node_is_that_of_dagster(serve: Serve, file: str, job: str) -> None:
    nodes = {node.handle: node for node in nodes_in(graph_of(serve(file), job))}

    expected = {
        handle: expected_facts(node, is_mapped)
        for handle, node, is_mapped in expected_nodes(job_of(file, job).graph)
    }
    assert {handle: facts_of(node) for handle, node in nodes.items()} == expected


def facts_of(node: v1.Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "definition": node.definition,
        "kind": v1.Node.Kind.Name(node.kind),
        "description": node.description,
        "inputs": [(i.name, i.type, i.description, i.has_default) for i in node.inputs],
        "outputs": [
            (o.name, o.type, o.description, o.is_required, o.is_dynamic) for o in node.outputs
        ],
        "tags": {**node.tags},
        "pool": node.pool,
        "is_mapped": node.is_mapped,
        "has_graph": node.HasField("graph"),
    }


def expected_facts(node: Any, is_mapped: bool) -> dict[str, Any]:
    definition = node.definition
    is_graph = isinstance(node, GraphNode)
    return {
        "name": node.name,
        "definition": definition.name,
        "kind": "KIND_GRAPH" if is_graph else "KIND_OP",
        "description": definition.description or "",
        "inputs": [
            (i.name, i.dagster_type.display_name, i.description or "", i.has_default_value)
            for i in definition.input_defs
        ],
        "outputs": [
            (o.name, o.dagster_type.display_name, o.description or "", o.is_required, o.is_dynamic)
            for o in definition.output_defs
        ],
        "tags": {**node.tags},
        "pool": "" if is_graph else definition.pool or "",
        "is_mapped": is_mapped,
        "has_graph": is_graph,
    }


@pytest.mark.parametrize(("file", "job"), JOBS)
def test_nodes_are_in_an_order_in_which_they_can_be_executed(
    serve: Serve, file: str, job: str
) -> None:
    for handle, graph in graphs_in(graph_of(serve(file), job)):
        places = {node.name: place for place, node in enumerate(graph.nodes)}
        assert len(places) == len(graph.nodes)
        for edge in graph.edges:
            assert places[edge.from_node] < places[edge.to_node], handle


def test_graphs_in_graphs_have_handles_from_the_job_on(graphs: Api) -> None:
    handles = {node.handle: node for node in nodes_in(graph_of(graphs, "deep"))}

    assert handles["outer_again.middle.inner_again.innermost"].definition == "add"
    # The same definition in two places is described in both.
    assert handles["outer.middle"].graph.name == handles["outer_again.middle"].graph.name
    assert handles["outer"].description == "Holds the others."
    assert max(handle.count(".") for handle in handles) == 3


def test_several_outputs_in_one_input_are_several_edges(graphs: Api) -> None:
    edges = edges_of(graph_of(graphs, "fan_in"))

    into_total = [edge[0] for edge in edges if edge[2:4] == ("total", "numbers")]
    assert into_total == ["add", "first", "second"]


def test_what_is_mapped_and_collected_is_told(graphs: Api) -> None:
    graph = graph_of(graphs, "dynamic")

    mapped = sorted(node.handle for node in nodes_in(graph) if node.is_mapped)
    assert mapped == ["add", "each", "process", "process.twice"]
    assert [edge[2:] for edge in edges_of(graph) if edge[-1]] == [("total", "numbers", True)]
    (count,) = [node for node in graph.nodes if node.name == "count"]
    assert count.outputs[0].is_dynamic


def test_hooks_and_retry_policies(graphs: Api) -> None:
    reply = graphs.call("GetJob", name="decorated")
    nodes = {node.name: node for node in reply.graph.nodes}
    patiently = v1.RetryPolicy(
        max_retries=5,
        delay={"seconds": 1, "nanos": 500_000_000},
        backoff=v1.RetryPolicy.BACKOFF_EXPONENTIAL,
        jitter=v1.RetryPolicy.JITTER_PLUS_MINUS,
    )

    assert list(nodes["one"].hooks) == ["complain"]
    assert list(nodes["fragile"].hooks) == []
    assert list(reply.job.hooks) == ["celebrate"]
    assert not nodes["one"].HasField("retry_policy")
    assert nodes["fragile"].retry_policy == patiently
    assert nodes["fragile_too"].retry_policy == v1.RetryPolicy(max_retries=1)
    assert reply.job.retry_policy == v1.RetryPolicy(max_retries=1)
    assert {**nodes["one"].tags} == {"place": "here"}
    assert {**nodes["fragile"].tags} == {"weight": "7"}
    assert nodes["fragile"].pool == "database"


def test_ops_of_assets_say_what_they_materialize(serve: Serve) -> None:
    nodes = {node.name: node for node in nodes_in(graph_of(serve("assets"), "__ASSET_JOB"))}

    assert list(nodes["sales__orders"].asset_keys) == ["sales/orders"]
    assert sorted(nodes["halves"].asset_keys) == ["left", "lonely", "right"]
    assert list(nodes["refined"].asset_keys) == ["refined"]
    assert nodes["refined"].kind == v1.Node.KIND_GRAPH
    assert nodes["sales__orders"].pool == "warehouse"


@pytest.mark.parametrize(
    ("job", "selection", "selected"),
    [
        ("fan_in", ["one"], ["one"]),
        ("fan_in", ["*add"], ["one", "add"]),
        ("fan_in", ["one+"], ["one", "add"]),
        ("fan_in", ["first", "second"], ["first", "second"]),
        ("boxed", ["box.one"], ["box"]),
        ("deep", ["one*"], ["one", "outer", "add"]),
    ],
    ids=str,
)
def test_a_selection_is_the_part_that_dagster_makes_of_it(
    graphs: Api, job: str, selection: list[str], selected: list[str]
) -> None:
    reply = graphs.call("GetJob", name=job, op_selection=selection)

    expected = job_of("graphs", job).get_subset(op_selection=selection)
    assert names(reply.graph.nodes) == selected
    found = {handle: edges_of(each) for handle, each in graphs_in(reply.graph)}
    assert found == expected_graphs(expected)
    assert reply.job.name == job
    assert reply.generation == 1


def test_a_selection_goes_into_graphs(graphs: Api) -> None:
    graph = graph_of(graphs, "boxed", op_selection=["box.one"])

    assert [node.handle for node in nodes_in(graph)] == ["box", "box.one"]


def test_a_selection_that_leaves_a_graph_without_its_output_is_refused(graphs: Api) -> None:
    failure = graphs.failure("GetJob", name="deep", op_selection=["outer.middle.one"])

    assert failure.code is Code.INVALID_ARGUMENT
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["op_selection"]


@pytest.mark.parametrize(
    ("fields", "code", "says", "field"),
    [
        ({}, Code.INVALID_ARGUMENT, ["name", "required"], "name"),
        ({"name": "deeep"}, Code.NOT_FOUND, ['"deeep"', 'did you mean "deep"?'], ""),
        ({"name": "no such thing at all"}, Code.NOT_FOUND, ["no such thing at all"], ""),
        ({"name": "größe ✓ \n x"}, Code.NOT_FOUND, ["größe ✓"], ""),
        ({"name": "deep", "repository": "elsewhere"}, Code.NOT_FOUND, ['"elsewhere"'], ""),
        (
            {"name": "deep", "op_selection": ["nothing_like_it"]},
            Code.INVALID_ARGUMENT,
            ["nothing_like_it"],
            "op_selection",
        ),
        ({"name": "deep", "op_selection": ["+ +"]}, Code.INVALID_ARGUMENT, [], "op_selection"),
        ({"name": "deep", "op_selection": [""]}, Code.INVALID_ARGUMENT, [], "op_selection"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_answered_is_said(
    graphs: Api, fields: dict[str, Any], code: grpc.StatusCode, says: list[str], field: str
) -> None:
    failure = graphs.failure("GetJob", **fields)

    assert failure.code is code, failure
    assert "\n" not in failure.message
    assert all(part in failure.message for part in says), failure.message
    if field:
        assert [each.field for each in failure.only(BadRequest).field_violations] == [field]
    else:
        assert failure.only(ResourceInfo).resource_name in fields.values()


def test_not_found_says_what_was_looked_for(graphs: Api) -> None:
    failure = graphs.failure("GetJob", name="fan_im")

    info = failure.only(ResourceInfo)
    assert (info.resource_type, info.resource_name) == ("job", "fan_im")
    assert info.description == failure.message


@pytest.mark.parametrize(
    ("name", "repository", "nodes"),
    [
        ("shared", "first", ["hello"]),
        ("shared", "second", ["goodbye"]),
        ("only_first", "", ["hello"]),
        ("only_second", "", ["goodbye"]),
    ],
)
def test_a_job_is_found_in_its_repository(
    several: Api, name: str, repository: str, nodes: list[str]
) -> None:
    reply = several.call("GetJob", name=name, repository=repository)

    assert names(reply.graph.nodes) == nodes
    assert reply.job.repository == (repository or name.removeprefix("only_"))


def test_a_name_in_several_repositories_needs_the_repository(several: Api) -> None:
    failure = several.failure("GetJob", name="shared")

    assert failure.code is Code.INVALID_ARGUMENT
    assert '"first"' in failure.message
    assert '"second"' in failure.message
    assert failure.only(BadRequest).field_violations[0].field == "repository"


@pytest.mark.parametrize(
    ("name", "repository"), [("only_second", "first"), ("only_first", "second")]
)
def test_a_job_of_another_repository_is_not_found(several: Api, name: str, repository: str) -> None:
    failure = several.failure("GetJob", name=name, repository=repository)

    assert failure.code is Code.NOT_FOUND
    assert failure.only(ResourceInfo).resource_name == name


@pytest.mark.parametrize(("file", "job"), JOBS)
def test_the_job_is_the_same_as_in_the_list(serve: Serve, file: str, job: str) -> None:
    api = serve(file)

    (listed,) = api.call("ListJobs", names=[job], include_implicit=True).jobs

    assert api.call("GetJob", name=job).job == listed
