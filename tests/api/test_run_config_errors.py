"""Run config that is refused: text that is not YAML, and mistakes, each as data."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest

from codeserver.api.v1 import RunConfigError
from tests.api.calling import Api, Failure
from tests.api.conftest import Serve

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def configs(serve: Serve) -> Api:
    return serve("configs")


@pytest.mark.parametrize(
    "text",
    [
        "ops:\n  takes_a_number:\n    config: 3\n",
        '{"ops": {"takes_a_number": {"config": 3}}}',
        "# a comment\n---\nops: {takes_a_number: {config: 3}}\n",
        "ops: &x\n  takes_a_number: {config: 3}\n",
    ],
)
def test_yaml_and_json_are_taken(configs: Api, text: str) -> None:
    assert [
        step.key
        for step in configs.call("GetExecutionPlan", job="a_number", run_config=text).plan.steps
    ] == ["takes_a_number"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ops: {\n  takes: [1, 2\n}", ["line 3", "column 1"]),
        ("a: 1\n  b: 2", ["line 2", "column 4"]),
        ("a:\n\t- x", ["line 2", "column 1"]),
        ("[1, 2]", ["mapping"]),
        ("just text", ["mapping"]),
        ("5", ["mapping"]),
        ("a: 1\n---\nb: 2", []),
        ("!!python/object/apply:os.getcwd []", []),
        ("{1: 2}", []),
        ("x: \u0007", []),
        ("a: *unknown", ["line 1"]),
    ],
)
def test_what_is_not_yaml_of_a_mapping_is_refused(configs: Api, text: str, says: list[str]) -> None:
    failure = configs.failure("GetExecutionPlan", job="a_number", run_config=text)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "\n" not in failure.message
    assert all(part in failure.message for part in says), failure.message
    assert failure.only(BadRequest).field_violations[0].field.startswith("run_config")


EVERY = ("ops", "takes_everything", "config")
NUMBER = ("ops", "takes_a_number", "config")
DOG = ("ops", "greet", "config", "pet", "dog", "tricks")
ROOT_FIELDS = ["ops", "execution", "loggers", "resources"]
TYPE, MISSING, UNDEFINED = "TYPE_MISMATCH", "MISSING_FIELD", "UNDEFINED_FIELD"


def every(config: dict[str, Any]) -> dict[str, Any]:
    """Config of `every_kind` with this beside what is required."""
    given = {"integer": 1, "closed": {}, "open": {}, **config}
    return {"ops": {"takes_everything": {"config": given}}}


def number(config: dict[str, Any]) -> dict[str, Any]:
    """Config of `a_number`."""
    return {"ops": {"takes_a_number": config}}


def dog(config: dict[str, Any]) -> dict[str, Any]:
    """Config of `pythonic` with this dog."""
    return {"ops": {"greet": {"config": {"address": {"street": "x"}, "pet": {"dog": config}}}}}


class Mistake(NamedTuple):
    """Config with one mistake, and what is said of it; None for what is left to Dagster."""

    job: str
    config: dict[str, Any]
    path: tuple[str, ...]
    reason: str | None
    allowed: list[str] | None = None


BOTH = {"file": "a", "table": {"name": "b"}}
MISTAKES = [
    Mistake("a_number", number({"config": "x"}), NUMBER, TYPE, ["Int"]),
    Mistake("a_number", {}, ("ops",), MISSING),
    Mistake("a_number", number({}), NUMBER, MISSING, ["Int"]),
    Mistake("a_number", {**number({"config": 1}), "opz": {}}, ("opz",), UNDEFINED, ROOT_FIELDS),
    Mistake("every_kind", every({"choice": "BLUE"}), (*EVERY, "choice"), None, ["RED", "GREEN"]),
    Mistake("every_kind", every({"several": [1, "x"]}), (*EVERY, "several", "1"), TYPE, ["Int"]),
    Mistake("every_kind", every({"several": 1}), (*EVERY, "several"), TYPE),
    Mistake("every_kind", every({"by_name": {"d": "x"}}), (*EVERY, "by_name", "d"), TYPE, ["Int"]),
    Mistake("every_kind", every({"one_of": {}}), (*EVERY, "one_of"), "SELECTOR", [*BOTH]),
    Mistake("every_kind", every({"one_of": BOTH}), (*EVERY, "one_of"), "SELECTOR", [*BOTH]),
    Mistake("every_kind", every({"one_of": {"f": 1}}), (*EVERY, "one_of", "f"), None, [*BOTH]),
    Mistake("every_kind", every({"closed": {"x": 1}}), (*EVERY, "closed", "x"), UNDEFINED),
    Mistake("every_kind", every({"open": {"known": "x"}}), (*EVERY, "open", "known"), TYPE),
    Mistake("every_kind", every({"either": "x"}), (*EVERY, "either"), TYPE),
    Mistake("pythonic", dog({}), DOG, MISSING),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: "-".join(each.path)[-40:])
def test_a_mistake_is_told_as_data(configs: Api, mistake: Mistake) -> None:
    failure = refused(configs, mistake.job, mistake.config)

    error = failure.only(RunConfigError)
    assert error.message
    assert tuple(error.path) == mistake.path
    assert "\n" not in failure.message
    (violation,) = failure.only(BadRequest).field_violations
    assert violation.field == ".".join(("run_config", *mistake.path))
    if mistake.reason:
        assert RunConfigError.Reason.Name(error.reason) == f"REASON_{mistake.reason}"
    if mistake.allowed is not None:
        assert sorted(error.allowed) == sorted(mistake.allowed)


def refused(api: Api, job: str, config: Any) -> Failure:
    failure = api.failure("GetExecutionPlan", job=job, run_config=json.dumps(config))
    assert failure.code is Code.INVALID_ARGUMENT
    return failure


def test_each_mistake_is_told(configs: Api) -> None:
    config = every({"integer": "x", "unknown": 1, "choice": "BLUE", "switch": 3})

    failure = refused(configs, "every_kind", config)

    found = sorted(error.path[-1] for error in failure.all(RunConfigError))
    assert found == ["choice", "integer", "switch", "unknown"]
    assert len(failure.only(BadRequest).field_violations) == 4
    assert "4" in failure.message


def test_an_environment_variable_that_is_not_set_is_named(configs: Api) -> None:
    config = every({"from_environment": {"env": "NO_SUCH_VARIABLE_HERE"}})

    failure = refused(configs, "every_kind", config)

    error = failure.only(RunConfigError)
    assert error.reason == RunConfigError.REASON_OTHER
    assert "NO_SUCH_VARIABLE_HERE" in error.message
    assert tuple(error.path) == (*EVERY, "from_environment")


def test_very_many_mistakes_still_arrive(configs: Api) -> None:
    config = every({f"unknown_{number}_{'x' * 50}": 1 for number in range(2_000)})

    failure = refused(configs, "every_kind", config)

    assert failure.all(BadRequest)
    assert failure.all(RunConfigError)


def test_a_long_value_does_not_make_the_error_long(configs: Api) -> None:
    failure = refused(configs, "a_number", number({"config": "ü" * 100_000}))

    assert len(failure.message) < 2_000
    assert failure.only(RunConfigError).path[-1] == "config"


def test_run_config_of_more_than_one_mebibyte_is_refused(configs: Api) -> None:
    text = "#" + "x" * 1024 * 1024

    failure = configs.failure("GetExecutionPlan", job="nothing_needed", run_config=text)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "1 MiB" in failure.message
