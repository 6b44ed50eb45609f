"""GetExecutionPlan: the steps of a run, beside those that Dagster would execute."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import grpc
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.snap.execution_plan_snapshot import snapshot_from_execution_plan
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import job_of
from tests.api.conftest import Serve

Code = grpc.StatusCode

NUMBER = {"inputs": {"number": {"value": 3}}}

# File, job, run config, ops or assets that are selected.
PLANS: list[tuple[str, str, Any, list[str]]] = [
    ("graphs", "deep", {}, []),
    ("graphs", "fan_in", {}, []),
    ("graphs", "dynamic", {}, []),
    ("graphs", "ordered", {}, []),
    ("graphs", "branching", {}, []),
    ("graphs", "decorated", {}, []),
    ("graphs", "in_processes", {}, []),
    ("graphs", "from_config", NUMBER, []),
    ("graphs", "from_values", {}, []),
    ("graphs", "boxed", {}, ["box.one"]),
    ("graphs", "fan_in", {}, ["*add"]),
    ("graphs", "fan_in", {}, ["one*"]),
    ("example", "example_job", None, []),
    ("example", "pod_per_op_job", {}, []),
    ("assets", "__ASSET_JOB", {}, []),
    ("assets", "sales_job", {}, []),
    ("assets", "__ASSET_JOB", {}, ["sales/orders", "left"]),
    ("configs", "with_resources", {"resources": {}}, []),
    ("configs", "mapped", {}, []),
]


@pytest.fixture(scope="module")
def graphs(serve: Serve) -> Api:
    return serve("graphs")


@pytest.fixture(scope="module")
def configs(serve: Serve) -> Api:
    return serve("configs")


@pytest.fixture(scope="module")
def partitions(serve: Serve) -> Api:
    return serve("partitions")


def plan_of(api: Api, job: str, **fields: Any) -> v1.ExecutionPlan:
    found: v1.ExecutionPlan = api.call("GetExecutionPlan", job=job, **fields).plan
    return found


def selection(file: str, selected: list[str]) -> dict[str, list[str]]:
    return {"asset_selection" if file == "assets" else "op_selection": selected}


def expected_plan(file: str, job: str, run_config: Any, selected: list[str]) -> ExecutionPlan:
    definition = job_of(file, job)
    if selected and file == "assets":
        keys = {dg.AssetKey.from_user_string(key) for key in selected}
        definition = definition.get_subset(asset_selection=keys)
    elif selected:
        definition = definition.get_subset(op_selection=selected)
    return create_execution_plan(definition, run_config)


@pytest.mark.parametrize(("file", "job", "run_config", "selected"), PLANS, ids=str)
def test_the_steps_are_those_of_dagster(
    serve: Serve, file: str, job: str, run_config: Any, selected: list[str]
) -> None:
    text = "" if run_config is None else yaml.safe_dump(run_config)
    plan = plan_of(serve(file), job, run_config=text, **selection(file, selected))

    expected = expected_plan(file, job, run_config, selected)
    dependencies = {step.key: set(step.upstream) for step in plan.steps}
    assert dependencies == expected.get_all_step_deps()
    snapshot = snapshot_from_execution_plan(expected, "any")
    found = {step.key: facts_of(step) for step in plan.steps}
    assert found == {step.key: expected_facts(step) for step in snapshot.steps}
    assert len(plan.steps) == len(found)
    assert plan.is_persisted == snapshot.artifacts_persisted
    assert plan.executor == job_of(file, job).executor_def.name
    assert (plan.job, plan.repository) == (job, "__repository__")


def facts_of(step: v1.Step) -> dict[str, Any]:
    return {
        "handle": step.handle,
        "kind": v1.Step.Kind.Name(step.kind),
        "inputs": {
            each.name: sorted((handle.step, handle.output) for handle in each.upstream)
            for each in step.inputs
        },
        "outputs": {
            each.name: (each.is_required, each.is_dynamic, each.asset_key) for each in step.outputs
        },
        "tags": {**step.tags},
        "pool": step.pool,
    }


_KINDS = {"COMPUTE": "COMPUTE", "UNRESOLVED_MAPPED": "MAPPED", "UNRESOLVED_COLLECT": "COLLECT"}


def expected_facts(step: Any) -> dict[str, Any]:
    return {
        "handle": step.node_handle_id,
        "kind": f"KIND_{_KINDS[step.kind.value]}",
        "inputs": {
            each.name: sorted((up.step_key, up.output_name) for up in each.upstream_output_handles)
            for each in step.inputs
        },
        "outputs": {
            each.name: (
                each.properties.is_required,
                each.properties.is_dynamic,
                each.properties.asset_key.to_user_string() if each.properties.asset_key else "",
            )
            for each in step.outputs
        },
        "tags": {**(step.tags or {})},
        "pool": step.pool or "",
    }


@pytest.mark.parametrize(("file", "job", "run_config", "selected"), PLANS, ids=str)
def test_levels_follow_from_the_dependencies(
    serve: Serve, file: str, job: str, run_config: Any, selected: list[str]
) -> None:
    text = "" if run_config is None else json.dumps(run_config)
    plan = plan_of(serve(file), job, run_config=text, **selection(file, selected))

    levels: dict[str, int] = {}
    for step in plan.steps:  # in an order in which they can be executed
        levels[step.key] = 1 + max((levels[key] for key in step.upstream), default=-1)
        assert step.level == levels[step.key]
    assert plan.levels == max(levels.values()) + 1
    by_level = [list(levels.values()).count(level) for level in range(plan.levels)]
    assert plan.width == max(by_level)


@pytest.mark.parametrize(
    ("plan", "step", "name", "source"),
    [
        (("graphs", "deep", ""), "add", "left", "STEP_OUTPUT"),
        (("graphs", "fan_in", ""), "total", "numbers", "STEP_OUTPUT"),
        (("graphs", "fan_in", ""), "add", "right", "DEFAULT_VALUE"),
        (("graphs", "dynamic", ""), "process.twice[?]", "left", "STEP_OUTPUT"),
        (("graphs", "dynamic", ""), "add[?]", "left", "STEP_OUTPUT"),
        (("graphs", "dynamic", ""), "total", "numbers", "STEP_OUTPUT"),
        (("graphs", "from_config", json.dumps(NUMBER)), "add", "left", "RUN_CONFIG"),
        (("graphs", "from_values", ""), "add", "left", "OTHER"),
        (("assets", "sales_job", ""), "report", "sizes", "LOADED"),
    ],
    ids=str,
)
def test_each_input_says_where_it_comes_from(
    serve: Serve, plan: tuple[str, str, str], step: str, name: str, source: str
) -> None:
    file, job, run_config = plan
    steps = {each.key: each for each in plan_of(serve(file), job, run_config=run_config).steps}

    (found,) = [each for each in steps[step].inputs if each.name == name]
    assert v1.StepInput.Source.Name(found.source) == f"SOURCE_{source}"
    assert bool(found.upstream) == (source == "STEP_OUTPUT")


def test_retry_policies_are_those_that_count(graphs: Api) -> None:
    steps = {step.key: step for step in plan_of(graphs, "decorated").steps}

    tries = {key: step.retry_policy.max_retries for key, step in steps.items()}
    # The op's own, the node's, and for all others the job's.
    assert tries == {"one": 1, "fragile": 5, "fragile_too": 1}
    assert steps["fragile"].pool == "database"


def test_resources_are_those_that_the_step_needs(configs: Api) -> None:
    steps = {step.key: step for step in plan_of(configs, "with_resources").steps}

    assert {"database"} <= set(steps["query"].resources)
    assert {"old", "plain"} <= set(steps["use_old"].resources)
    assert "database" not in steps["use_old"].resources


# Default config, partitions and selections


@pytest.mark.parametrize(
    ("job", "default"),
    [
        ("with_default_config", {"ops": {"takes_a_number": {"config": 12}}}),
        ("nothing_needed", None),
    ],
)
def test_the_default_config_of_a_job_is_taken_and_told(
    configs: Api, job: str, default: Any
) -> None:
    plan = plan_of(configs, job)

    assert yaml.safe_load(plan.default_run_config or "null") == default
    assert plan.steps


def test_given_config_wins_over_the_default(configs: Api) -> None:
    config = json.dumps({"ops": {"takes_a_number": {"config": 13}}})

    assert plan_of(configs, "with_default_config", run_config=config).default_run_config == ""


@pytest.mark.parametrize(
    ("job", "key", "number"),
    [("day_job", "2026-01-09", 9), ("colour_job", "green", 5), ("colour_job", "größe", 5)],
)
def test_the_config_of_a_partition_is_taken_and_told(
    partitions: Api, job: str, key: str, number: int
) -> None:
    plan = plan_of(partitions, job, partition_key=key)

    assert yaml.safe_load(plan.default_run_config) == {
        "ops": {"take": {"config": {"number": number}}}
    }
    assert sorted(step.key for step in plan.steps) == ["show", "take"]


KEY, OPS, ASSETS = "partition_key", "op_selection", "asset_selection"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("partitions", {"job": "day_job", KEY: "2025-12-31"}, KEY),
    ("partitions", {"job": "day_job", KEY: "not a day"}, KEY),
    ("partitions", {"job": "colour_job", KEY: "gren"}, KEY),
    ("partitions", {"job": "unpartitioned_job", KEY: "x"}, "job"),
    ("graphs", {"job": "deep", OPS: ["nothing"]}, OPS),
    ("graphs", {"job": "deep", ASSETS: ["x"]}, ASSETS),
    ("assets", {"job": "sales_job", ASSETS: ["no/such"]}, ASSETS),
    ("assets", {"job": "sales_job", ASSETS: ["report"], OPS: ["report"]}, ASSETS),
    ("graphs", {}, "job"),
]


@pytest.mark.parametrize(("file", "fields", "field"), REFUSED, ids=str)
def test_what_cannot_be_planned_is_refused(
    serve: Serve, file: str, fields: dict[str, Any], field: str
) -> None:
    failure = serve(file).failure("GetExecutionPlan", **fields)

    assert failure.code is Code.INVALID_ARGUMENT, failure
    assert "\n" not in failure.message
    assert field in {each.field for each in failure.only(BadRequest).field_violations}


@pytest.mark.parametrize(
    ("fields", "kind", "name"),
    [
        ({"job": "deeep"}, "job", "deeep"),
        ({"job": "deep", "repository": "x"}, "repository", "x"),
    ],
    ids=str,
)
def test_what_is_not_there_is_not_found(
    graphs: Api, fields: dict[str, str], kind: str, name: str
) -> None:
    failure = graphs.failure("GetExecutionPlan", **fields)

    assert failure.code is Code.NOT_FOUND
    info = failure.only(ResourceInfo)
    assert (info.resource_type, info.resource_name) == (kind, name)


def test_a_near_partition_key_is_suggested(partitions: Api) -> None:
    failure = partitions.failure("GetExecutionPlan", job="colour_job", partition_key="gren")

    assert "green" in failure.message


def test_run_config_of_more_than_one_mebibyte_is_refused(graphs: Api) -> None:
    failure = graphs.failure("GetExecutionPlan", job="deep", run_config="#" + "x" * 1024 * 1024)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "1 MiB" in failure.message
