"""Run config: its schema, the YAML to start from, and what is said about mistakes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
import yaml
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from codeserver.errors import InvalidRequest
from codeserver.worker.loading.location import Location
from tests.support.dagster_names import MARKS_SECRETS
from tests.unit.describing import MAIN, ask, make_location

CONFIGURED: dict[str, Any] = {
    "choice": "YES",
    "free": {"more": 1},
    "one_of": {"file": "f"},
    "required": 1,
    "shape": {"a": 2},
}


@pytest.fixture(scope="module")
def location() -> Location:
    return make_location()


def settings(pythonic: Mapping[str, Any], **configured: Any) -> dict[str, Any]:
    """Run config of `settings_job` that is valid but for what is given; None leaves it out."""
    both = {**CONFIGURED, **configured}
    return {
        "ops": {
            "pythonic": {"config": {"name": "x", **pythonic}},
            "configured": {"config": {name: v for name, v in both.items() if v is not ...}},
        }
    }


def schema_of(location: Location, job: str, **fields: Any) -> dict[str, Any]:
    found = ask(location, "GetRunConfigSchema", job=job, **fields)
    return MessageToDict(found["json_schema"])


def is_valid(location: Location, job: str, config: Any) -> bool:
    try:
        dg.validate_run_config(location.repositories[MAIN].get_job(job), config)
    except dg.DagsterInvalidConfigError:
        return False
    return True


CASES: list[tuple[str, Any]] = [
    ("nested", {}),
    ("nested", {"ops": {"load": {"config": "ignored"}}}),
    ("nested", {"resources": {"store": {"config": {"path": "x"}}}}),
    ("nested", {"resources": {"store": {"config": {"path": 1}}}}),
    ("nested", {"resources": {"other": {}}}),
    ("nested", {"execution": {"config": {"multiprocess": {"max_concurrent": 2}}}}),
    ("nested", {"execution": {"config": {"multiprocess": None}}}),
    ("nested", {"execution": {"config": {"multiprocess": {}, "in_process": {}}}}),
    ("nested", {"execution": {"config": {}}}),
    ("nested", {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}}),
    ("nested", {"loggers": None}),
    ("nested", {"ops": {"nope": {}}}),
    ("inputs_job", {}),
    ("inputs_job", {"ops": {"needs_input": {"inputs": {"number": 1}}}}),
    ("inputs_job", {"ops": {"needs_input": {"inputs": {"number": {"value": 1}}}}}),
    ("inputs_job", {"ops": {"needs_input": {"inputs": {"number": "one"}}}}),
    ("default_job", {}),
    ("default_job", {"ops": {"count": {"config": "many"}}}),
    ("settings_job", {}),
    ("settings_job", settings({})),
    ("settings_job", settings({"colour": "BLUE", "inner": {"depth": 4}, "limit": None})),
    ("settings_job", settings({"colour": "blue"})),
    ("settings_job", settings({"limit": "many"})),
    ("settings_job", settings({"name": {"env": "HOME"}})),
    ("settings_job", settings({"name": None})),
    ("settings_job", settings({"unknown": 1})),
    ("settings_job", settings({}, required=...)),
    ("settings_job", settings({}, required=True)),
    ("settings_job", settings({}, required=1.5)),
    ("settings_job", settings({}, array=[])),
    ("settings_job", settings({}, array=[1, "2"])),
    ("settings_job", settings({}, array="1")),
    ("settings_job", settings({}, by_name={"ada": 1})),
    ("settings_job", settings({}, by_name={"ada": "1"})),
    ("settings_job", settings({}, choice="MAYBE")),
    ("settings_job", settings({}, free={})),
    ("settings_job", settings({}, free={"known": "x"})),
    ("settings_job", settings({}, one_of={})),
    ("settings_job", settings({}, one_of={"file": "f", "table": {"name": "t"}})),
    ("settings_job", settings({}, one_of={"table": {"name": "t"}})),
    ("settings_job", settings({}, one_of={"table": None})),
    ("settings_job", settings({}, one_of={"other": 1})),
    ("settings_job", settings({}, or_null=None)),
    ("settings_job", settings({}, or_null=2)),
    ("settings_job", settings({}, or_null="2")),
    ("settings_job", settings({}, shape={})),
    ("settings_job", settings({}, shape={"a": 1, "b": False, "c": 0})),
    ("settings_job", settings({}, source={"env": "HOME"})),
    ("settings_job", settings({}, source=3)),
    ("settings_job", settings({}, any={"what": ["ever"]})),
    ("settings_job", settings({}, any=None)),
]


@pytest.mark.parametrize(("job", "config"), CASES, ids=lambda each: str(each)[-60:])
def test_schema_and_dagster_agree(location: Location, job: str, config: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = schema_of(location, job)
    jsonschema.Draft202012Validator.check_schema(schema)
    passes = jsonschema.Draft202012Validator(schema).is_valid(config)
    assert passes == is_valid(location, job, config)


def test_the_cases_are_of_both_sorts(location: Location) -> None:
    valid = [is_valid(location, job, config) for job, config in CASES]
    assert sum(valid) > 15
    assert len(valid) - sum(valid) > 15


def test_what_a_schema_tells(location: Location) -> None:
    schema = schema_of(location, "settings_job")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == 'Run config of job "settings_job"'
    assert schema["required"] == ["ops"]
    assert not schema["additionalProperties"]
    ops = schema["properties"]["ops"]["properties"]
    pythonic = ops["pythonic"]["properties"]["config"]
    assert pythonic["description"] == "What can be set."
    assert pythonic["properties"]["name"]["description"] == "Its name."
    assert pythonic["properties"]["inner"]["properties"]["depth"]["default"] == 3
    assert ("default" in pythonic["properties"]["password"]) == (not MARKS_SECRETS)
    source = ops["configured"]["properties"]["config"]["properties"]["source"]
    assert source == {"$ref": "#/$defs/StringSource", "default": "yes"}
    assert schema["$defs"]["StringSource"]["anyOf"][0] == {"type": "string"}


def test_the_schema_of_a_part(location: Location) -> None:
    schema = schema_of(location, "settings_job", op_selection=["pythonic"])
    # Dagster takes and ignores config of what is not selected.
    assert schema["properties"]["ops"]["required"] == ["pythonic"]


JOBS = ["nested", "fan_in", "dynamic", "settings_job", "inputs_job", "default_job", "__ASSET_JOB"]


@pytest.mark.parametrize("job", JOBS)
def test_the_yaml_to_start_from_is_valid(location: Location, job: str) -> None:
    found = ask(location, "GetRunConfigSchema", job=job)
    v1.GetRunConfigSchemaResponse(
        json_schema=found["json_schema"].struct_value,
        default_yaml=found["default_yaml"],
        is_required=found["is_required"],
    )
    config = yaml.safe_load(found["default_yaml"])
    assert is_valid(location, job, config or {})
    assert found["is_required"] == (not is_valid(location, job, {}))
    assert found["is_required"] == (config is not None)


@pytest.mark.parametrize("job", JOBS)
def test_what_is_optional_can_be_put_to_use(
    location: Location, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_URL", "x")
    text = ask(location, "GetRunConfigSchema", job=job)["default_yaml"]
    uncommented = re.sub(r"(?m)^( *)#(?=\S|  )", r"\1", text)
    assert uncommented != text
    config = yaml.safe_load(uncommented)
    assert {"execution", "loggers"} <= config.keys()
    assert is_valid(location, job, config)


def test_the_yaml_to_start_from(location: Location) -> None:
    text = ask(location, "GetRunConfigSchema", job="settings_job")["default_yaml"]
    begin = text[: text.index("# Configure how shared resources")].splitlines()
    assert begin == [
        '# Run config of job "settings_job".',
        "# Write {env: NAME} for a value to take it from an environment variable.",
        "",
        "# Configure runtime parameters for ops or assets.",
        "ops:",
        "  configured:",
        "    config:",
        "      # Any",
        "      #any: '...'",
        "      # [Int]",
        "      #array: [1]",
        "      # { [person: String]: Int }",
        "      #by_name: {}",
        "      # one of YES, NO, required",
        "      choice: 'YES'",
        "      #free: {}",
        "      #  # Int",
        "      #  #known: 0",
        "      # one of file, table, required",
        "      one_of: {file: '...'}",
        "      # Float?",
        "      #or_null: null",
        "      # A number in two lines: #1. (Int, required)",
        "      required: 0",
        "      shape:",
        "        # Int, required",
        "        a: 0",
        "        # Bool",
        "        #b: true",
        "      # String",
        "      #source: 'yes'",
        "  pythonic:",
        "    # What can be set.",
        "    config:",
        "      # one of RED, BLUE, or null",
        "      #colour: RED",
        "      #inner:",
        "      #  # How deep. (Int?)",
        "      #  depth: 3",
        "      # Int?",
        "      #limit: null",
        "      # Its name. (String, required)",
        "      name: '...'",
        "      # String?",
        "      #password: null" if MARKS_SECRETS else "      #password: hidden in tests",
        "",
    ]


MISTAKES: list[tuple[Any, list[tuple[list[str], str, list[str]]]]] = [
    ({}, [(["ops"], "REASON_MISSING_FIELD", ["{ configured: {"])]),
    (
        settings({}, required="one"),
        [(["ops", "configured", "config", "required"], "REASON_TYPE_MISMATCH", ["Int"])],
    ),
    (
        settings({}, required=..., choice=...),
        [
            (["ops", "configured", "config", "choice"], "REASON_MISSING_FIELD", ["Choice"]),
            (["ops", "configured", "config", "required"], "REASON_MISSING_FIELD", ["Int"]),
        ],
    ),
    (
        settings({}, required=...),
        [(["ops", "configured", "config", "required"], "REASON_MISSING_FIELD", ["Int"])],
    ),
    (
        settings({"nme": 1}),
        [
            (
                ["ops", "pythonic", "config", "nme"],
                "REASON_UNDEFINED_FIELD",
                ["colour", "inner", "limit", "name", "password"],
            )
        ],
    ),
    (
        {**settings({"x": 1, "y": 2}), "extra": 1},
        [
            (
                ["extra"],
                "REASON_UNDEFINED_FIELD",
                ["execution", "loggers", "ops", "resources"],
            ),
            (
                ["ops", "pythonic", "config", "x"],
                "REASON_UNDEFINED_FIELD",
                ["colour", "inner", "limit", "name", "password"],
            ),
            (
                ["ops", "pythonic", "config", "y"],
                "REASON_UNDEFINED_FIELD",
                ["colour", "inner", "limit", "name", "password"],
            ),
        ],
    ),
    (
        settings({}, choice="MAYBE"),
        [(["ops", "configured", "config", "choice"], "REASON_TYPE_MISMATCH", ["YES", "NO"])],
    ),
    (
        settings({}, one_of={"file": "f", "table": {"name": "t"}}),
        [(["ops", "configured", "config", "one_of"], "REASON_SELECTOR", ["file", "table"])],
    ),
    (
        settings({}, one_of={"row": 1}),
        [
            (
                ["ops", "configured", "config", "one_of", "row"],
                "REASON_UNDEFINED_FIELD",
                ["file", "table"],
            )
        ],
    ),
    (
        settings({}, array=[1, "2"], by_name={"ada": "1"}),
        [
            (["ops", "configured", "config", "array", "1"], "REASON_TYPE_MISMATCH", ["Int"]),
            (["ops", "configured", "config", "by_name", "ada"], "REASON_TYPE_MISMATCH", ["Int"]),
        ],
    ),
    (
        settings({}, array=3),
        [(["ops", "configured", "config", "array"], "REASON_TYPE_MISMATCH", ["[Int]"])],
    ),
    (
        settings({}, source={"env": "NOT_SET_ANYWHERE"}),
        [(["ops", "configured", "config", "source"], "REASON_OTHER", [])],
    ),
]


@pytest.mark.parametrize(("config", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(
    location: Location, config: Any, expected: list[tuple[list[str], str, list[str]]]
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        ask(location, "GetExecutionPlan", job="settings_job", run_config=json.dumps(config))
    details = raised.value.details
    assert [(each["path"], each["reason"]) for each in details] == [
        (path, reason) for path, reason, _ in expected
    ]
    for detail, (_, _, allowed) in zip(details, expected, strict=True):
        assert len(detail["allowed"]) == len(allowed)
        for found, begin in zip(detail["allowed"], allowed, strict=True):
            assert found.startswith(begin)
        fields = {name: value for name, value in detail.items() if name != "type"}
        assert v1.RunConfigError(**fields).message
    message = str(raised.value)
    assert "\n" not in message
    assert details[0]["message"] in message
    count = "a mistake" if len(details) == 1 else f"{len(details)} mistakes, the first one"
    assert message.startswith(f'The run config of job "settings_job" has {count}: ')


def test_a_variable_that_is_not_set_is_named(location: Location) -> None:
    config = settings({}, source={"env": "NOT_SET_ANYWHERE"})
    with pytest.raises(InvalidRequest, match="NOT_SET_ANYWHERE"):
        ask(location, "GetExecutionPlan", job="settings_job", run_config=json.dumps(config))
