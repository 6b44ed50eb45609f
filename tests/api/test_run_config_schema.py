"""GetRunConfigSchema and config types: the same config is valid for them as for Dagster."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import grpc
import jsonschema
import pytest
import yaml
from dagster import DagsterInvalidConfigError, validate_run_config
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import job_of
from tests.api.conftest import Serve

Code = grpc.StatusCode

JOBS = [
    ("configs", "every_kind", True),
    ("configs", "a_number", True),
    ("configs", "pythonic", True),
    ("configs", "nothing_needed", False),
    ("configs", "mapped", False),
    ("configs", "input_needed", True),
    ("configs", "with_default_config", False),
    ("configs", "executor_and_loggers", False),
    ("configs", "with_resources", False),
    ("configs", "launched_with_resources", True),
    ("graphs", "deep", False),
    ("graphs", "from_config", True),
    ("graphs", "in_processes", False),
    ("example", "example_job", False),
    ("example", "pod_per_op_job", False),
    ("assets", "__ASSET_JOB", False),
]


@pytest.fixture(scope="module")
def configs(serve: Serve) -> Api:
    return serve("configs")


def schema_of(api: Api, job: str, **fields: Any) -> Any:
    reply = api.call("GetRunConfigSchema", job=job, **fields)
    schema = MessageToDict(reply.json_schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def passes(schema: Any, config: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(config)


def accepted(job: dg.JobDefinition, config: Any) -> bool:
    """Whether Dagster takes it."""
    try:
        validate_run_config(job, config)
    except DagsterInvalidConfigError:
        return False
    return True


def every(config: dict[str, Any]) -> dict[str, Any]:
    """Run config of `every_kind` with this beside what is required."""
    given = {"integer": 1, "closed": {"inside": {}}, "open": {}, **config}
    return {"ops": {"takes_everything": {"config": given}}}


def greet(config: dict[str, Any]) -> dict[str, Any]:
    """Run config of `pythonic`, likewise."""
    given = {"address": {"street": "x"}, "pet": {"cat": {}}, **config}
    return {"ops": {"greet": {"config": given}}}


def database(config: Any) -> dict[str, Any]:
    return {"resources": {"database": {"config": config}}}


# Job, run config, whether it is valid.
CASES: list[tuple[str, Any, bool]] = [
    ("every_kind", every({}), True),
    ("every_kind", {}, False),
    ("every_kind", {"ops": {}}, False),
    ("every_kind", {**every({}), "more": 1}, False),
    ("every_kind", every({"integer": "1"}), False),
    ("every_kind", every({"integer": 1.5}), False),
    ("every_kind", every({"integer": True}), False),
    ("every_kind", every({"integer": None}), False),
    ("every_kind", every({"floating": 1.5}), True),
    ("every_kind", every({"floating": 1}), True),
    ("every_kind", every({"floating": "1.5"}), False),
    ("every_kind", every({"text": "x"}), True),
    ("every_kind", every({"text": 1}), False),
    ("every_kind", every({"text": None}), False),
    ("every_kind", every({"switch": True}), True),
    ("every_kind", every({"switch": 1}), False),
    ("every_kind", every({"switch": "true"}), False),
    ("every_kind", every({"anything": {"a": [1, None]}}), True),
    ("every_kind", every({"anything": None}), True),
    ("every_kind", every({"choice": "GREEN"}), True),
    ("every_kind", every({"choice": "green"}), False),
    ("every_kind", every({"choice": "BLUE"}), False),
    ("every_kind", every({"several": []}), True),
    ("every_kind", every({"several": [1, 2, 3]}), True),
    ("every_kind", every({"several": [1, "x"]}), False),
    ("every_kind", every({"several": 1}), False),
    ("every_kind", every({"of_shapes": [{"x": 1}, {"x": 2}]}), True),
    ("every_kind", every({"of_shapes": [{}]}), False),
    ("every_kind", every({"of_shapes": [{"x": 1, "y": 2}]}), False),
    ("every_kind", every({"by_name": {"de": 49, "fr": 33}}), True),
    ("every_kind", every({"by_name": {}}), True),
    ("every_kind", every({"by_name": {"de": "x"}}), False),
    ("every_kind", every({"by_name": [1]}), False),
    ("every_kind", every({"or_null": None}), True),
    ("every_kind", every({"or_null": 1}), True),
    ("every_kind", every({"or_null": "x"}), False),
    ("every_kind", every({"one_of": {"file": "a"}}), True),
    ("every_kind", every({"one_of": {"table": {"name": "b"}}}), True),
    ("every_kind", every({"one_of": {"table": {}}}), False),
    ("every_kind", every({"one_of": {}}), False),
    ("every_kind", every({"one_of": {"file": "a", "table": {"name": "b"}}}), False),
    ("every_kind", every({"one_of": {"other": 1}}), False),
    ("every_kind", every({"one_of": "file"}), False),
    ("every_kind", every({"closed": {}}), True),
    ("every_kind", every({"closed": {"inside": {"deep": 5}}}), True),
    ("every_kind", every({"closed": {"inside": {"deep": "x"}}}), False),
    ("every_kind", every({"closed": {"outside": 1}}), False),
    ("every_kind", every({"open": {"known": 1, "unknown": [1]}}), True),
    ("every_kind", every({"open": {"known": "x"}}), False),
    ("every_kind", every({"from_environment": "x"}), True),
    ("every_kind", every({"from_environment": {"env": "HOME"}}), True),
    ("every_kind", every({"from_environment": {"evn": "HOME"}}), False),
    ("every_kind", every({"from_environment": 1}), False),
    ("every_kind", every({"either": 1}), True),
    ("every_kind", every({"either": {"number": 1}}), True),
    ("every_kind", every({"either": "x"}), False),
    ("every_kind", every({"either": {"numbre": 1}}), False),
    ("every_kind", {**every({}), "execution": {"config": {}}}, True),
    ("every_kind", {**every({}), "execution": {"config": {"no_such": 1}}}, False),
    ("every_kind", {**every({}), "loggers": {"console": {"config": {"log_level": "INFO"}}}}, True),
    ("every_kind", {**every({}), "loggers": {"other": {}}}, False),
    ("a_number", {"ops": {"takes_a_number": {"config": 1}}}, True),
    ("a_number", {"ops": {"takes_a_number": {"config": "x"}}}, False),
    ("a_number", {"ops": {"takes_a_number": {}}}, False),
    ("pythonic", greet({}), True),
    ("pythonic", greet({"name": "Bob", "colour": "RED", "height": 1.8}), True),
    ("pythonic", greet({"height": None}), True),
    ("pythonic", greet({"colour": "red"}), False),
    ("pythonic", greet({"pet": {"dog": {"tricks": ["sit"]}}}), True),
    ("pythonic", greet({"pet": {"dog": {}}}), False),
    ("pythonic", greet({"pet": {"cat": {"lives": 7}}}), True),
    ("pythonic", greet({"pet": {"cat": {}, "dog": {"tricks": []}}}), False),
    ("pythonic", greet({"pet": {"bird": {}}}), False),
    ("pythonic", greet({"ages": {"Ada": 36}}), True),
    ("pythonic", greet({"ages": {"Ada": "x"}}), False),
    ("pythonic", greet({"nicknames": ["A", "B"]}), True),
    ("pythonic", greet({"nicknames": "A"}), False),
    ("pythonic", greet({"address": {}}), False),
    ("pythonic", greet({"address": {"street": "x", "zip_code": None}}), True),
    ("pythonic", greet({"unknown": 1}), False),
    ("nothing_needed", {}, True),
    ("nothing_needed", {"ops": {}}, True),
    ("nothing_needed", {"ops": {"takes_nothing": {"inputs": {"number": 5}}}}, True),
    ("nothing_needed", {"ops": {"takes_nothing": {"inputs": {"number": {"value": 5}}}}}, True),
    ("nothing_needed", {"ops": {"takes_nothing": {"inputs": {"other": 5}}}}, False),
    ("nothing_needed", {"ops": {"other": {}}}, False),
    ("mapped", {"ops": {"mapped_inside": {"config": {"number": 5}}}}, True),
    ("mapped", {"ops": {"mapped_inside": {"config": {"number": "x"}}}}, False),
    ("input_needed", {"ops": {"takes_an_input": {"inputs": {"number": 5}}}}, True),
    ("input_needed", {"ops": {"takes_an_input": {"inputs": {"number": {"value": 5}}}}}, True),
    ("input_needed", {"ops": {"takes_an_input": {"inputs": {}}}}, False),
    ("input_needed", {}, False),
    ("executor_and_loggers", {"execution": {"config": {"max_concurrent": 3}}}, True),
    ("executor_and_loggers", {"execution": {"config": {"max_concurrent": "x"}}}, False),
    ("with_resources", {}, True),
    ("with_resources", database({"host": "x", "port": 1}), True),
    ("with_resources", database({"port": 1}), False),
    ("with_resources", database({"port": "x"}), False),
    ("with_resources", {"resources": {"other": {}}}, False),
    ("launched_with_resources", database({"host": "x"}), True),
    ("launched_with_resources", database({"host": {"env": "PATH"}, "replicas": ["a"]}), True),
    ("launched_with_resources", database({"host": "x", "credentials": {}}), False),
    ("launched_with_resources", database({"port": 1}), False),
    ("launched_with_resources", {}, False),
]  # fmt: skip


@pytest.mark.parametrize(("job", "config", "valid"), CASES, ids=lambda value: str(value)[-50:])
def test_schema_and_dagster_agree(configs: Api, job: str, config: Any, valid: bool) -> None:
    assert accepted(job_of("configs", job), config) == valid
    assert passes(schema_of(configs, job), config) == valid


@pytest.mark.parametrize(
    ("job", "config", "valid"),
    [case for case in CASES if case[1] != {}],
    ids=lambda value: str(value)[-50:],
)
def test_the_plan_and_dagster_agree(configs: Api, job: str, config: Any, valid: bool) -> None:
    fields = {"job": job, "run_config": json.dumps(config)}
    if valid:
        assert configs.call("GetExecutionPlan", **fields).plan.steps
        return

    failure = configs.failure("GetExecutionPlan", **fields)

    assert failure.code is Code.INVALID_ARGUMENT
    for error in failure.all(v1.RunConfigError):
        assert error.reason != v1.RunConfigError.REASON_UNSPECIFIED
        assert error.message
    assert failure.all(v1.RunConfigError)


# What to start from


@pytest.mark.parametrize(("file", "job", "required"), JOBS)
def test_whether_config_is_needed(serve: Serve, file: str, job: str, required: bool) -> None:
    reply = serve(file).call("GetRunConfigSchema", job=job)

    assert required == (not accepted(job_of(file, job), {}))
    assert reply.is_required == required
    assert reply.generation == 1


@pytest.mark.parametrize(("file", "job", "required"), JOBS)
def test_the_yaml_to_start_from_is_taken_by_dagster(
    serve: Serve, file: str, job: str, required: bool
) -> None:
    reply = serve(file).call("GetRunConfigSchema", job=job)

    config = yaml.safe_load(reply.default_yaml) or {}
    assert accepted(job_of(file, job), config), reply.default_yaml
    assert passes(MessageToDict(reply.json_schema), config), reply.default_yaml
    if required:
        assert config


def test_what_is_optional_is_commented_out_with_its_default(configs: Api) -> None:
    text = configs.call("GetRunConfigSchema", job="every_kind").default_yaml

    config = yaml.safe_load(text)["ops"]["takes_everything"]["config"]
    assert {*config} == {"integer"} or "floating" not in config
    (line,) = [line for line in text.splitlines() if "floating" in line]
    assert line.lstrip().startswith("#")
    assert "0.5" in line


def test_descriptions_are_in_the_yaml_and_the_schema(configs: Api) -> None:
    reply = configs.call("GetRunConfigSchema", job="pythonic")

    for part in ("What to call them.", "Street and number."):
        assert part in reply.default_yaml
        assert part in json.dumps(MessageToDict(reply.json_schema))


def test_defaults_are_in_the_schema(configs: Api) -> None:
    text = json.dumps(schema_of(configs, "every_kind"))

    for default in ('"default": 0.5', '"default": [1.0, 2.0]', '"default": "RED"'):
        assert default in text


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"ops": {"use_old": {}}},
        {"ops": {"query": {}}},  # Dagster overlooks what is said of ops that are not selected
        {"ops": {"nothing": {}}},
        {"resources": {"plain": {}}},
        {"resources": {"database": {"config": {"host": "x"}}}},
        {"resources": {"database": {"config": {"port": 1}}}},
    ],
    ids=str,
)
def test_with_a_selection_schema_and_dagster_agree(configs: Api, config: Any) -> None:
    schema = schema_of(configs, "with_resources", op_selection=["use_old"])

    subset = job_of("configs", "with_resources").get_subset(op_selection=["use_old"])
    assert passes(schema, config) == accepted(subset, config)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "INVALID_ARGUMENT"),
        ({"job": "no_such_job"}, "NOT_FOUND"),
        ({"job": "pythonic", "repository": "x"}, "NOT_FOUND"),
        ({"job": "pythonic", "op_selection": ["x"]}, "INVALID_ARGUMENT"),
    ],
    ids=str,
)
def test_what_has_no_schema(configs: Api, fields: dict[str, Any], code: str) -> None:
    failure = configs.failure("GetRunConfigSchema", **fields)

    assert failure.code is Code[code]
    assert failure.details
