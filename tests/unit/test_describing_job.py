"""The structure of jobs, beside what Dagster's own snapshots say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dagster._core.definitions.graph_definition import GraphDefinition
from dagster._core.snap.dep_snapshot import build_dep_structure_snapshot_from_graph_def

from codeserver.api import v1
from codeserver.errors import InvalidRequest, NotFound
from codeserver.worker.loading.location import Location
from tests.support.dagster_names import MARKS_SECRETS
from tests.unit.describing import MAIN, PARTITIONED_JOBS, ask, make_location

_WITHOUT_OPS = {job.name for job in PARTITIONED_JOBS}


@pytest.fixture(scope="module")
def location() -> Location:
    return make_location()


def get_job(location: Location, name: str, *op_selection: str) -> v1.GetJobResponse:
    found = ask(location, "GetJob", name=name, op_selection=op_selection)
    configs = {key: v1.ConfigType(**each) for key, each in found.pop("resource_configs").items()}
    return v1.GetJobResponse(**found, resource_configs=configs)


def nodes(graph: v1.Graph) -> Iterator[v1.Node]:
    """All of them, at every depth."""
    for node in graph.nodes:
        yield node
        yield from nodes(node.graph)


def by_handle(response: v1.GetJobResponse) -> dict[str, v1.Node]:
    return {node.handle: node for node in nodes(response.graph)}


def edges(graph: v1.Graph) -> set[tuple[Any, ...]]:
    found = [
        (edge.to_node, edge.to_input, edge.from_node, edge.from_output, edge.is_collected)
        for edge in graph.edges
    ]
    assert len(found) == len({*found})
    return {*found}


def edges_of_dagster(graph: GraphDefinition) -> set[tuple[Any, ...]]:
    snapshot = build_dep_structure_snapshot_from_graph_def(graph)
    return {
        (node.node_name, each.input_name, up.node_name, up.output_name, each.is_dynamic_collect)
        for node in snapshot.node_invocation_snaps
        for each in node.input_dep_snaps
        for up in each.upstream_output_snaps
    }


def assert_same(graph: v1.Graph, definition: GraphDefinition, *, is_mapped: bool = False) -> None:
    """Compare at every depth."""
    assert graph.name == definition.name
    assert {node.name for node in graph.nodes} == {*definition.node_dict}
    assert edges(graph) == edges_of_dagster(definition)
    order = {node.name: position for position, node in enumerate(graph.nodes)}
    assert all(order[edge.from_node] < order[edge.to_node] for edge in graph.edges)
    mapped = {
        node.node_name
        for node in build_dep_structure_snapshot_from_graph_def(definition).node_invocation_snaps
        if node.is_dynamic_mapped or is_mapped
    }
    assert {node.name for node in graph.nodes if node.is_mapped} == mapped
    for node in graph.nodes:
        found = definition.node_dict[node.name].definition
        assert node.definition == found.name
        assert [each.name for each in node.inputs] == [*found.input_dict]
        assert [each.name for each in node.outputs] == [*found.output_dict]
        assert node.HasField("graph") == isinstance(found, GraphDefinition)
        if isinstance(found, GraphDefinition):
            assert_same(node.graph, found, is_mapped=node.is_mapped)


def test_every_job_has_the_structure_that_dagster_says(location: Location) -> None:
    for name in location.repositories[MAIN].job_names:
        job = location.repositories[MAIN].get_job(name)
        response = get_job(location, name)
        assert response.job.name == name
        assert_same(response.graph, job.graph)
        assert name in _WITHOUT_OPS or response.graph.nodes


def test_graphs_in_graphs(location: Location) -> None:
    response = get_job(location, "nested")
    found = by_handle(response)
    assert [*found] == [
        "load",
        "four_times",
        "four_times.first",
        "four_times.first.add",
        "four_times.first.add_2",
        "four_times.second",
        "four_times.second.add",
        "four_times.second.add_2",
        "finish",
    ]
    assert found["four_times.first"].kind == v1.Node.KIND_GRAPH
    assert found["four_times.first"].definition == "twice"
    (mapping,) = found["four_times"].graph.input_mappings
    assert (mapping.input, mapping.node, mapping.node_input) == ("number", "first", "number")
    (output,) = found["four_times"].graph.output_mappings
    assert (output.output, output.node, output.node_output) == ("result", "second", "result")
    assert response.job.schedules == ["twice_a_day"]
    assert response.job.sensors == ["watcher"]


def test_facts_of_nodes(location: Location) -> None:
    load = by_handle(get_job(location, "nested"))["load"]
    assert load.kind == v1.Node.KIND_OP
    assert load.pool == "database"
    assert load.description == "Load a number."
    assert dict(load.tags) == {"size": "s"}
    assert load.resources == ["store"]
    assert not load.HasField("config")
    found = by_handle(get_job(location, "fan_in"))
    assert found["other"].hooks == ["tell"]
    assert found["add"].hooks == []
    policy = found["add"].retry_policy
    assert (policy.max_retries, policy.delay.seconds, policy.delay.nanos) == (2, 1, 500_000_000)
    assert policy.backoff == v1.RetryPolicy.BACKOFF_EXPONENTIAL
    assert [(each.name, each.type, each.has_default) for each in found["add"].inputs] == [
        ("left", "Int", False),
        ("right", "Int", True),
    ]
    assert [each.is_required for each in found["split"].outputs] == [False, False]
    assert found["total"].inputs[0].type == "[Int]"


def test_what_is_mapped(location: Location) -> None:
    found = by_handle(get_job(location, "dynamic"))
    assert found["each_one"].outputs[0].is_dynamic
    assert [handle for handle, node in found.items() if node.is_mapped] == [
        "add",
        "mapped_inside",
        "mapped_inside.inner",
    ]


@pytest.mark.parametrize(
    ("handle", "keys"),
    [
        ("raw__orders", ["raw/orders"]),
        ("both", ["left", "right"]),
        ("built", ["built"]),
        ("built.load", []),
        ("raw__orders_not_empty", []),
    ],
)
def test_assets_of_nodes(location: Location, handle: str, keys: list[str]) -> None:
    assert by_handle(get_job(location, "__ASSET_JOB"))[handle].asset_keys == keys


def test_a_part_of_a_job(location: Location) -> None:
    job = location.repositories[MAIN].get_job("nested")
    part = get_job(location, "nested", "four_times*")
    assert_same(part.graph, job.get_subset(op_selection=["four_times*"]).graph)
    assert "load" not in by_handle(part)
    assert part.job.name == "nested"


def config_of(location: Location, op: str) -> v1.ConfigType:
    return by_handle(get_job(location, "settings_job"))[op].config


def test_config_of_every_kind(location: Location) -> None:
    config = config_of(location, "configured")
    kinds = v1.ConfigType.Kind
    fields = {field.name: field for field in config.fields}
    assert {name: kinds.Name(field.type.kind) for name, field in fields.items()} == {
        "any": "KIND_ANY",
        "array": "KIND_ARRAY",
        "by_name": "KIND_MAP",
        "choice": "KIND_ENUM",
        "free": "KIND_PERMISSIVE_SHAPE",
        "one_of": "KIND_SELECTOR",
        "or_null": "KIND_NULLABLE",
        "required": "KIND_SCALAR",
        "shape": "KIND_SHAPE",
        "source": "KIND_UNION",
    }
    assert fields["array"].type.inner.name == "Int"
    assert [each.number_value for each in fields["array"].default_value.list_value.values] == [1]
    assert fields["array"].type.description == ""
    assert fields["by_name"].type.name == "person"
    assert fields["by_name"].type.inner.name == "Int"
    assert fields["choice"].type.enum_values == ["YES", "NO"]
    assert [field.name for field in fields["one_of"].type.fields] == ["file", "table"]
    assert fields["or_null"].default_value.HasField("null_value")
    assert fields["or_null"].type.inner.name == "Float"
    assert fields["required"].is_required
    assert fields["required"].description == "A number\nin two lines: #1."
    assert not fields["required"].HasField("default_value")
    assert [each.name for each in fields["source"].type.alternatives] == ["String", ""]


def test_config_of_classes(location: Location) -> None:
    config = config_of(location, "pythonic")
    assert config.description == "What can be set."
    fields = {field.name: field for field in config.fields}
    assert fields["colour"].default_value.string_value == "RED"
    assert fields["inner"].type.fields[0].description == "How deep."
    assert fields["password"].HasField("default_value") == (not MARKS_SECRETS)


def test_config_of_resources(location: Location) -> None:
    configs = get_job(location, "nested").resource_configs
    assert [*configs] == ["store"]
    shown = configs["store"].fields[0].default_value.string_value
    assert shown == ("/tmp/x" if MARKS_SECRETS else "")


REFUSED: list[tuple[dict[str, Any], type[Exception], str, dict[str, Any]]] = [
    (
        {"name": "nestd"},
        NotFound,
        'There is no job "nestd"; did you mean "nested"?',
        {"type": "resource", "resource_type": "job", "resource_name": "nestd"},
    ),
    (
        {"name": "nested", "repository": "secnd"},
        NotFound,
        'There is no repository "secnd"; did you mean "second"?',
        {"type": "resource", "resource_type": "repository", "resource_name": "secnd"},
    ),
    (
        {"name": "dynamic", "repository": ""},
        InvalidRequest,
        'Job "dynamic" is in several repositories; say in which: "__repository__", "second".',
        {"type": "field", "field": "repository"},
    ),
    (
        {"name": "nested", "op_selection": ["nope"]},
        InvalidRequest,
        "Dagster does not take this op_selection: No qualified ops to execute found",
        {"type": "field", "field": "op_selection"},
    ),
    (
        {"name": "nested", "op_selection": ["***"]},
        InvalidRequest,
        "Dagster does not take this op_selection: ",
        {"type": "field", "field": "op_selection"},
    ),
]


@pytest.mark.parametrize(("fields", "error", "message", "detail"), REFUSED)
def test_what_is_refused(
    location: Location,
    fields: dict[str, Any],
    error: type[InvalidRequest | NotFound],
    message: str,
    detail: dict[str, Any],
) -> None:
    with pytest.raises(error) as raised:
        ask(location, "GetJob", **fields)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert detail.items() <= raised.value.details[0].items()
