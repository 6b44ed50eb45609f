"""ListJobs, ListSchedules, ListSensors, ListResources: what they say, beside Dagster."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import repository_of
from tests.api.conftest import Serve

FILES = ["assets", "configs", "example", "graphs", "partitions"]


def listed(api: Api, kind: str, **filters: Any) -> dict[str, Any]:
    """Every definition of this kind by name, from all pages."""
    pages = api.pages(f"List{kind.capitalize()}", **filters)
    found = [each for page in pages for each in getattr(page, kind)]
    names = [(each.repository, each.name) for each in found]
    assert names == sorted(names)
    return {each.name: each for each in found}


@pytest.mark.parametrize("file", FILES)
def test_jobs_are_those_of_dagster(serve: Serve, file: str) -> None:
    found = listed(serve(file), "jobs", include_implicit=True)

    repository = repository_of(file)
    assert sorted(found) == sorted(repository.job_names)
    for name, job in found.items():
        expected = repository.get_job(name)
        assert {**job.tags} == {**expected.tags}, name
        assert {**job.run_tags} == {**expected.run_tags}, name
        assert job.description == (expected.description or ""), name
        assert job.executor == expected.executor_def.name, name
        assert job.graph == expected.graph.name, name
        assert list(job.hooks) == sorted(hook.name for hook in expected.hook_defs), name
        assert sorted(job.loggers) == sorted(expected.loggers), name
        assert job.HasField("partitions") == (expected.partitions_def is not None), name
        assert sorted(job.owners) == sorted(expected.owners or ()), name
        assert job.repository == "__repository__"


@pytest.mark.parametrize("file", FILES)
def test_implicit_jobs_are_listed_only_when_they_are_wanted(serve: Serve, file: str) -> None:
    api = serve(file)

    everything = listed(api, "jobs", include_implicit=True)

    implicit = {name for name, job in everything.items() if job.is_implicit}
    assert listed(api, "jobs").keys() == everything.keys() - implicit
    assert all(name.startswith("__") for name in implicit)
    assert ("__ASSET_JOB" in implicit) == bool(
        repository_of(file).asset_graph.executable_asset_keys
    )
    assert api.location.counts.jobs == len(everything) - len(implicit)


@pytest.mark.parametrize(
    ("file", "job", "expected"),
    [
        (
            "graphs",
            "decorated",
            {
                "tags": {"team": "data", "nested": '{"a": [1, 2]}'},
                "run_tags": {"priority": "3"},
                "owners": ["team:data", "ada@example.com"],
                "metadata": [{"label": "page", "type": "url", "value": "https://example.org/job"}],
                "description": "Everything that can be said about a job.",
                "hooks": ["celebrate"],
                "loggers": ["plain"],
                "executor": "in_process",
                "retry_policy": {"max_retries": 1},
            },
        ),
        (
            "assets",
            "sales_job",
            {
                "is_asset_job": True,
                "asset_keys": ["report", "sales/orders"],
                "sensors": ["dust", "on_orders"],
                "description": "Everything about sales.",
            },
        ),
        (
            "assets",
            "tidy_up",
            {
                "schedules": ["mornings"],
                "sensors": ["dust", "on_halves", "on_success"],
                "owners": ["team:ops"],
                "executor": "multi_or_in_process_executor",
            },
        ),
        ("assets", "days_job", {"schedules": ["every_day"], "asset_keys": ["per_day"]}),
        ("assets", "__ASSET_JOB", {"is_asset_job": True, "is_implicit": True}),
        ("example", "pod_per_op_job", {"executor": "k8s", "resources": ["io_manager", "s3"]}),
        ("partitions", "day_job", {"partitions": {"kind": "KIND_TIME_WINDOW"}}),
        ("partitions", "colour_job", {"partitions": {"kind": "KIND_STATIC", "static_count": 6}}),
        ("partitions", "function_job", {"partitions": {"kind": "KIND_FUNCTION"}}),
        ("partitions", "customers_job", {"partitions": {"dynamic_name": "customers"}}),
    ],
    ids=str,
)
def test_a_job_says(serve: Serve, file: str, job: str, expected: dict[str, Any]) -> None:
    found = listed(serve(file), "jobs", include_implicit=True)[job]

    assert contains(found, expected)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            "mornings",
            {
                "description": "Early on workdays, later on Saturdays.",
                "cron_schedules": ["0 6 * * 1-5", "0 9 * * 6"],
                "timezone": "Europe/Berlin",
                "job": "tidy_up",
                "default_status": "DEFAULT_STATUS_RUNNING",
                "tags": {"team": "ops"},
                "owners": ["team:ops"],
                "metadata": [{"label": "why", "type": "text", "value": "dust"}],
            },
        ),
        (
            "every_day",
            {
                "cron_schedules": ["0 0 * * *"],
                "job": "days_job",
                "default_status": "DEFAULT_STATUS_STOPPED",
            },
        ),
        ("weekly_sales", {"cron_schedules": ["@weekly"], "asset_selection": 'group:"sales"'}),
    ],
    ids=str,
)
def test_a_schedule_says(serve: Serve, schedule: str, expected: dict[str, Any]) -> None:
    assert contains(listed(serve("assets"), "schedules")[schedule], expected)


@pytest.mark.parametrize(
    ("sensor", "expected"),
    [
        (
            "dust",
            {
                "description": "Sees dust.",
                "type": "SENSOR_TYPE_STANDARD",
                "jobs": ["sales_job", "tidy_up"],
                "minimum_interval": "90s",
                "default_status": "DEFAULT_STATUS_RUNNING",
                "tags": {"team": "ops"},
                "owners": ["team:ops"],
                "metadata": [{"label": "why", "type": "text", "value": "dust"}],
            },
        ),
        (
            "on_orders",
            {
                "type": "SENSOR_TYPE_ASSET",
                "jobs": ["sales_job"],
                "monitored_assets": ["sales/orders"],
                "default_status": "DEFAULT_STATUS_STOPPED",
            },
        ),
        (
            "on_halves",
            {
                "type": "SENSOR_TYPE_MULTI_ASSET",
                "jobs": ["tidy_up"],
                "monitored_assets": ["left", "right"],
            },
        ),
        ("on_success", {"type": "SENSOR_TYPE_RUN_STATUS", "jobs": ["tidy_up"]}),
        ("on_failure", {"type": "SENSOR_TYPE_RUN_STATUS"}),
        (
            "for_halves",
            {"type": "SENSOR_TYPE_STANDARD", "asset_selection": 'group:"halves"'},
        ),
        (
            "automation",
            {"type": "SENSOR_TYPE_AUTO_MATERIALIZE", "asset_selection": 'group:"sales"'},
        ),
    ],
    ids=str,
)
def test_a_sensor_says(serve: Serve, sensor: str, expected: dict[str, Any]) -> None:
    assert contains(listed(serve("assets"), "sensors")[sensor], expected)


@pytest.mark.parametrize("file", FILES)
def test_schedules_and_sensors_are_those_of_dagster(serve: Serve, file: str) -> None:
    api, repository = serve(file), repository_of(file)

    assert sorted(listed(api, "schedules")) == sorted(s.name for s in repository.schedule_defs)
    assert sorted(listed(api, "sensors")) == sorted(s.name for s in repository.sensor_defs)


def test_each_target_leads_back(serve: Serve) -> None:
    api = serve("assets")
    jobs = listed(api, "jobs", include_implicit=True)

    for schedule in listed(api, "schedules").values():
        if schedule.job in jobs:
            assert schedule.name in jobs[schedule.job].schedules
    for sensor in listed(api, "sensors").values():
        for job in sensor.jobs:
            assert sensor.name in jobs[job].sensors


# Resources


def test_resources_are_those_of_dagster(serve: Serve) -> None:
    found = listed(serve("configs"), "resources")

    top = {name for name, resource in found.items() if resource.is_top_level}
    assert top == {"database", "mirror", "old", "plain", "shared_credentials"}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("database", {"description": "A database that nobody has."}),
        ("database", {"jobs": ["launched_with_resources", "with_resources"]}),
        ("database", {"asset_keys": ["rows"], "is_top_level": True}),
        ("old", {"jobs": ["with_resources"]}),
        ("shared_credentials", {"description": "How to get in."}),
    ],
    ids=str,
)
def test_a_resource_says(serve: Serve, resource: str, expected: dict[str, Any]) -> None:
    assert contains(listed(serve("configs"), "resources")[resource], expected)


def test_the_class_of_a_resource_is_told(serve: Serve) -> None:
    found = listed(serve("configs"), "resources")

    assert found["database"].type.endswith(".Database")
    assert found["shared_credentials"].type.endswith(".Credentials")
    assert {**found["mirror"].nested} == {"credentials": "shared_credentials"}
    assert {**found["database"].nested} == {"credentials": "Credentials"}  # it has no name


def test_the_values_of_a_resource_are_told_but_not_those_of_the_environment(serve: Serve) -> None:
    found = listed(serve("configs"), "resources")

    database = {value.name: value for value in found["database"].values}
    assert database["host"].value.string_value == "db.example.org"
    assert [v.string_value for v in database["replicas"].value.list_value.values] == ["one", "two"]
    credentials = {value.name: value for value in found["shared_credentials"].values}
    assert credentials["user"].value.string_value == "ada"
    assert credentials["password"].environment_variable == "DATABASE_PASSWORD"
    assert credentials["password"].WhichOneof("source") == "environment_variable"


def test_the_config_of_a_resource_is_told(serve: Serve) -> None:
    config = listed(serve("configs"), "resources")["database"].config

    fields = {field.name: field for field in config.fields}
    assert config.kind == v1.ConfigType.KIND_SHAPE
    assert fields["host"].description == "Where it is."
    assert "port" in fields


# Empty


@pytest.mark.parametrize("kind", ["jobs", "assets", "schedules", "sensors", "resources"])
def test_nothing_is_listed_where_nothing_is_defined(serve: Serve, kind: str) -> None:
    reply = serve("empty").call(f"List{kind.capitalize()}")

    assert MessageToDict(reply) == {"generation": "1"}


def contains(message: Any, expected: Any) -> bool:
    """Whether the message says this; its other fields may be anything."""
    found = MessageToDict(message, preserving_proto_field_name=True)
    _check(found, expected, "")
    return True


def _check(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            assert key in found, f"{where}.{key} is not set: {found}"
            _check(found[key], value, f"{where}.{key}")
    else:
        assert found == expected, where
