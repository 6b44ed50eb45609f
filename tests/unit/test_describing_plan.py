"""Execution plans, beside those that Dagster makes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.step import StepKind
from dagster._serdes import serialize_value

from codeserver.api import v1
from codeserver.errors import InvalidRequest
from codeserver.worker.loading.location import Location
from tests.unit.describing import DYNAMIC, MAIN, ask, make_location

KINDS = {
    StepKind.COMPUTE: v1.Step.KIND_COMPUTE,
    StepKind.UNRESOLVED_MAPPED: v1.Step.KIND_MAPPED,
    StepKind.UNRESOLVED_COLLECT: v1.Step.KIND_COLLECT,
}

SETTINGS = {
    "ops": {
        "pythonic": {"config": {"name": "x"}},
        "configured": {
            "config": {
                "choice": "YES",
                "free": {"more": 1},
                "one_of": {"file": "f"},
                "required": 1,
                "shape": {"a": 2},
            }
        },
    }
}
INPUTS = {"ops": {"needs_input": {"inputs": {"number": 5}}}}


@pytest.fixture(scope="module")
def location() -> Location:
    return make_location()


def plan_of(location: Location, job: str, **fields: Any) -> v1.ExecutionPlan:
    return v1.ExecutionPlan(**ask(location, "GetExecutionPlan", job=job, **fields)["plan"])


@pytest.mark.parametrize(
    ("job", "config"),
    [
        ("nested", {}),
        ("fan_in", {}),
        ("dynamic", {}),
        ("settings_job", SETTINGS),
        ("inputs_job", INPUTS),
        ("default_job", {}),
        ("asset_job", {}),
        ("__ASSET_JOB", {}),
    ],
)
def test_steps_are_those_of_dagster(location: Location, job: str, config: dict[str, Any]) -> None:
    definition = location.repositories[MAIN].get_job(job)
    expected = create_execution_plan(definition, run_config=config)
    plan = plan_of(location, job, run_config=json.dumps(config) if config else "")
    assert (plan.job, plan.repository) == (job, MAIN)
    assert plan.executor == expected.executor_name
    assert plan.is_persisted == expected.artifacts_persisted
    steps = {step.key: step for step in plan.steps}
    assert {*steps} == {step.key for step in expected.step_dict.values()}
    upstream = {key: {*keys} for key, keys in expected.get_all_step_deps().items()}
    assert {key: {*step.upstream} for key, step in steps.items()} == upstream
    for step in expected.step_dict.values():
        found = steps[step.key]
        assert found.handle == str(step.node_handle)
        assert found.kind == KINDS[step.kind]
        assert [each.name for each in found.inputs] == [each.name for each in step.step_inputs]
        assert [each.name for each in found.outputs] == [each.name for each in step.step_outputs]
        assert found.pool == (step.pool or "")
        assert dict(found.tags) == dict(step.tags or {})
    assert_levels(plan)


def assert_levels(plan: v1.ExecutionPlan) -> None:
    levels: dict[str, int] = {}
    for step in plan.steps:
        assert step.level == max((levels[key] + 1 for key in step.upstream), default=0)
        levels[step.key] = step.level
    assert plan.levels == max(levels.values()) + 1
    each = [*levels.values()]
    assert plan.width == max(each.count(level) for level in each)


def inputs_of(plan: v1.ExecutionPlan, step: str) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    (found,) = [each for each in plan.steps if each.key == step]
    return {
        each.name: (
            v1.StepInput.Source.Name(each.source),
            [(handle.step, handle.output) for handle in each.upstream],
        )
        for each in found.inputs
    }


def test_where_inputs_come_from(location: Location) -> None:
    plan = plan_of(location, "fan_in")
    assert inputs_of(plan, "total") == {
        "numbers": (
            "SOURCE_STEP_OUTPUT",
            [("add", "result"), ("other", "result"), ("again", "result")],
        )
    }
    assert inputs_of(plan, "add")["right"] == ("SOURCE_DEFAULT_VALUE", [])
    plan = plan_of(location, "inputs_job", run_config=json.dumps(INPUTS))
    assert inputs_of(plan, "needs_input") == {
        "number": ("SOURCE_RUN_CONFIG", []),
        "text": ("SOURCE_DEFAULT_VALUE", []),
    }
    plan = plan_of(location, "__ASSET_JOB", asset_selection=["built"])
    assert inputs_of(plan, "built.twice.add")["left"] == ("SOURCE_LOADED", [])
    plan = plan_of(location, "dynamic")
    assert inputs_of(plan, "add[?]")["left"] == ("SOURCE_STEP_OUTPUT", [("each_one", "result")])
    assert inputs_of(plan, "total")["numbers"] == (
        "SOURCE_STEP_OUTPUT",
        [("mapped_inside.inner[?]", "result")],
    )


def test_what_steps_need_and_give(location: Location) -> None:
    steps = {step.key: step for step in plan_of(location, "nested").steps}
    assert steps["load"].resources == ["io_manager", "store"]
    assert steps["load"].retry_policy.jitter == v1.RetryPolicy.JITTER_FULL
    assert steps["four_times.first.add"].retry_policy.max_retries == 2
    steps = {step.key: step for step in plan_of(location, "__ASSET_JOB").steps}
    assert [each.asset_key for each in steps["both"].outputs] == ["left", "right"]
    dynamic = {step.key: step for step in plan_of(location, "dynamic").steps}
    assert dynamic["each_one"].outputs[0].is_dynamic


def test_a_blocking_check_is_waited_for(location: Location) -> None:
    steps = {step.key: step for step in plan_of(location, "asset_job").steps}
    assert "raw__orders_not_empty" in steps["both"].upstream


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"job": "fan_in", "op_selection": ["load+"]}, ["load", "split"]),
        ({"job": "asset_job", "asset_selection": ["left", "right"]}, ["both"]),
        (
            {"job": "__ASSET_JOB", "asset_selection": ["raw/orders"]},
            ["raw__orders", "raw__orders_not_empty"],
        ),
    ],
)
def test_a_part(location: Location, fields: dict[str, Any], keys: list[str]) -> None:
    assert [step.key for step in plan_of(location, **fields).steps] == keys


@pytest.mark.parametrize(
    ("fields", "config"),
    [
        ({"job": "default_job"}, {"ops": {"count": {"config": 7}}}),
        (
            {"job": "partitioned_job", "partition_key": "b"},
            {"ops": {"count": {"config": ord("b")}}},
        ),
        ({"job": "nested"}, None),
        ({"job": "default_job", "run_config": "ops: {count: {config: 1}}"}, None),
        ({"job": "by_daily", "partition_key": "2024-02-01"}, None),
        ({"job": "by_multi", "partition_key": "2024-01-07|a"}, None),
        ({"job": "by_function", "partition_key": "x"}, None),
    ],
)
def test_the_default_config(
    location: Location, fields: dict[str, Any], config: dict[str, Any] | None
) -> None:
    assert yaml.safe_load(plan_of(location, **fields).default_run_config) == config


def test_a_key_of_dynamic_partitions() -> None:
    with DagsterInstance.local_temp() as instance:
        instance.add_dynamic_partitions(DYNAMIC.name or "", ["ada"])
        location = make_location(serialize_value(instance.get_ref()))
        plan_of(location, "by_dynamic", partition_key="ada")
        with pytest.raises(InvalidRequest, match=r'no partition "adam"; did you mean "ada"\?'):
            plan_of(location, "by_dynamic", partition_key="adam")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (
        {"job": "partitioned_job", "partition_key": "e"},
        "partition_key",
        'There is no partition "e"; one of 4 is "a".',
    ),
    (
        {"job": "by_weekly", "partition_key": "2024-01-08"},
        "partition_key",
        'There is no partition "2024-01-08"; they go from 2024-01-07 to 2024-05-19.',
    ),
    (
        {"job": "by_multi", "partition_key": "2024-01-07"},
        "partition_key",
        'There is no partition "2024-01-07"; did you mean "2024-01-07|d"?',
    ),
    (
        {"job": "nested", "partition_key": "a"},
        "job",
        'Job "nested" is not partitioned.',
    ),
    (
        {"job": "nested", "asset_selection": ["left"]},
        "asset_selection",
        'Job "nested" materializes no assets.',
    ),
    (
        {"job": "asset_job", "asset_selection": ["lft"]},
        "asset_selection",
        'Job "asset_job" does not materialize "lft"; did you mean "left"?',
    ),
    (
        {"job": "asset_job", "asset_selection": ["left"]},
        "asset_selection",
        "Dagster does not take this asset_selection: ",
    ),
    (
        {"job": "fan_in", "asset_selection": ["left"], "op_selection": ["load"]},
        "asset_selection",
        "Give op_selection or asset_selection, not both.",
    ),
    (
        {"job": "nested", "run_config": "ops: {\n  load: [}\n"},
        "run_config",
        "The run config is not YAML at line 2, column 10: ",
    ),
    (
        {"job": "nested", "run_config": "- a\n"},
        "run_config",
        "The run config must be a mapping, not a list.",
    ),
    (
        {"job": "nested", "run_config": "{1: 2}"},
        "run_config",
        "The key 1 in the run config must be a text; put it in quotes.",
    ),
    ({"job": "nested", "run_config": "a: [" * 5_000}, "run_config", "The run config is "),
    ({"job": "nested", "run_config": "? [a]\n: b"}, "run_config", "The run config is not YAML"),
    ({"job": "nested", "run_config": "a: \x00"}, "run_config", "The run config is not YAML"),
    ({"job": "nested", "run_config": "a: !!python/name:os.system ''"}, "run_config", "The run"),
]


@pytest.mark.parametrize(("fields", "field", "message"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_is_refused(
    location: Location, fields: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        plan_of(location, **fields)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert raised.value.details[0]["field"] == field


def test_an_error_of_the_users_code_is_not_the_callers(location: Location) -> None:
    with pytest.raises(ArithmeticError, match="d does not add up"):
        plan_of(location, "partitioned_job", partition_key="d")


@pytest.mark.parametrize(
    "config", ['{"ops":\t{"count": {"config": 1}}}', "ops:\n  count:\n    config: 1"]
)
def test_json_and_yaml(location: Location, config: str) -> None:
    assert plan_of(location, "default_job", run_config=config).steps
