"""What is said about the definitions of a location."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from codeserver.worker.loading.location import Location
from tests.support.dagster_names import HAS_FRESHNESS, HAS_MONITORED_ASSETS, MARKS_SECRETS
from tests.unit.describing import MAIN, ask, make_location

MESSAGES = {
    "jobs": v1.Job,
    "assets": v1.Asset,
    "schedules": v1.Schedule,
    "sensors": v1.Sensor,
    "resources": v1.Resource,
}


@pytest.fixture(scope="module")
def location() -> Location:
    return make_location()


@pytest.fixture(scope="module")
def catalog(location: Location) -> dict[str, dict[tuple[str, str], Any]]:
    """The messages by kind, repository and name."""
    found = ask(location, "catalog")
    assert found.keys() == MESSAGES.keys()
    return {
        kind: {
            (each["repository"], each.get("key") or each["name"]): MESSAGES[kind](**each)
            for each in described
        }
        for kind, described in found.items()
    }


def test_everything_is_described_in_order(
    location: Location, catalog: Mapping[str, Mapping[tuple[str, str], Any]]
) -> None:
    main = location.repositories[MAIN]
    expected = {
        "jobs": main.job_names,
        "assets": [key.to_user_string() for key in main.asset_graph.get_all_asset_keys()],
        "schedules": [each.name for each in main.schedule_defs],
        "sensors": [each.name for each in main.sensor_defs],
        "resources": [*main.get_top_level_resources()],
    }
    for kind, names in expected.items():
        found = [*catalog[kind]]
        assert found == sorted(found), kind
        assert [name for repository, name in found if repository == MAIN] == sorted(names), kind
    assert ("second", "dynamic") in catalog["jobs"]
    assert ("second", "raw/orders") in catalog["assets"]


FACTS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "jobs",
        "nested",
        {
            "description": "Graphs in graphs.",
            "tags": {"team": "a"},
            "run_tags": {"team": "a"},
            "metadata": [
                {"label": "page", "type": "url", "value": "https://example.org"},
            ],
            "executor": "multi_or_in_process_executor",
            "schedules": ["twice_a_day"],
            "sensors": ["watcher"],
            "hooks": ["tell"],
            "resources": ["io_manager", "store"],
            "loggers": ["console"],
            "retry_policy": {"max_retries": 1, "delay": "1s", "jitter": "JITTER_FULL"},
            "graph": "nested",
        },
    ),
    ("jobs", "fan_in", {"sensors": ["on_orders", "on_several", "watcher"]}),
    (
        "jobs",
        "asset_job",
        {"is_asset_job": True, "asset_keys": ["left", "raw/orders", "right"]},
    ),
    ("jobs", "__ASSET_JOB", {"is_implicit": True, "is_asset_job": True}),
    (
        "jobs",
        "partitioned_job",
        {
            "partitions": {
                "kind": "KIND_STATIC",
                "description": "4 keys: a, b, c, ...",
                "static_count": 4,
            }
        },
    ),
    ("jobs", "by_function", {"partitions": {"kind": "KIND_FUNCTION"}}),
    ("jobs", "by_dynamic", {"partitions": {"kind": "KIND_DYNAMIC", "dynamic_name": "customers"}}),
    (
        "jobs",
        "by_weekly",
        {
            "partitions": {
                "kind": "KIND_TIME_WINDOW",
                "description": "Weekly, starting 2024-01-01 UTC.",
                "time_windows": {
                    "cron_schedule": "0 0 * * 0",
                    "timezone": "UTC",
                    "start": "2024-01-01T00:00:00Z",
                    "end": "2024-06-01T00:00:00Z",
                    "format": "%Y-%m-%d",
                },
            }
        },
    ),
    (
        "assets",
        "raw/orders",
        {
            "group": "raw",
            "description": "Each order.",
            "kinds": ["python", "s3"],
            "tags": {"tier": "gold"},
            "owners": ["team:data", "ada@example.com"],
            "execution": "EXECUTION_MATERIALIZATION",
            "op": "raw__orders",
            "dependencies": [{"key": "outside/events"}],
            "checks": [
                {
                    "name": "not_empty",
                    "description": "There are some.",
                    "is_blocking": True,
                    "additional_keys": ["days"],
                    "jobs": ["__ASSET_JOB", "__anonymous_asset_job_asset_schedule", "asset_job"],
                }
            ],
            "freshness": {"time_window": {"fail_window": "10800s", "warn_window": "5400s"}},
            "automation_condition": "eager",
            "code_version": "7",
            "pools": ["database"],
            "resources": ["store"],
        },
    ),
    ("assets", "outside/events", {"execution": "EXECUTION_EXTERNAL", "group": "raw"}),
    ("assets", "seen", {"execution": "EXECUTION_OBSERVATION"}),
    (
        "assets",
        "days",
        {
            "automation_condition": "missing and not (in_progress)",
            "max_partitions_per_run": 0,
        },
    ),
    (
        "assets",
        "later",
        {
            "max_partitions_per_run": 3,
            "freshness": {
                "cron": {
                    "deadline_cron": "0 9 * * *",
                    "lower_bound_delta": "3600s",
                    "timezone": "Europe/Berlin",
                }
            },
        },
    ),
    ("assets", "left", {"op": "both", "dependencies": [{"key": "raw/orders"}]}),
    ("assets", "built", {"op": "built", "resources": ["store"], "pools": ["database"]}),
    (
        "schedules",
        "twice_a_day",
        {
            "description": "Morning and evening.",
            "cron_schedules": ["0 6 * * *", "0 18 * * *"],
            "timezone": "Europe/Berlin",
            "job": "nested",
            "default_status": "DEFAULT_STATUS_RUNNING",
            "tags": {"when": "often"},
        },
    ),
    (
        "schedules",
        "asset_schedule",
        {
            "cron_schedules": ["@daily"],
            "asset_selection": 'group:"raw"',
            "default_status": "DEFAULT_STATUS_STOPPED",
        },
    ),
    (
        "sensors",
        "watcher",
        {
            "description": "Looks.",
            "type": "SENSOR_TYPE_STANDARD",
            "jobs": ["fan_in", "nested"],
            "minimum_interval": "90s",
        },
    ),
    (
        "sensors",
        "on_orders",
        {"type": "SENSOR_TYPE_ASSET", "monitored_assets": ["raw/orders"], "jobs": ["fan_in"]},
    ),
    (
        "sensors",
        "on_several",
        {"type": "SENSOR_TYPE_MULTI_ASSET", "monitored_assets": ["days", "left"]},
    ),
    ("sensors", "on_failure", {"type": "SENSOR_TYPE_RUN_STATUS"}),
    (
        "sensors",
        "conditions",
        {"asset_selection": "*", "jobs": ["__ASSET_JOB"]},
    ),
    (
        "resources",
        "database",
        {
            "description": "Keeps everything.",
            "type": "tests.unit.describing.Database",
            "is_top_level": True,
            "values": [{"name": "host", "value": "example.org"}, {"name": "password"}],
        },
    ),
    (
        "resources",
        "service",
        {
            "nested": {"database": "database"},
            "values": [{"name": "url", "environment_variable": "SERVICE_URL"}],
            "schedules": ["twice_a_day"],
        },
    ),
    ("resources", "anonymous", {"nested": {"database": "Database"}}),
    (
        "resources",
        "store",
        {"jobs": ["asset_job", "fan_in", "nested"], "asset_keys": ["raw/orders"]},
    ),
]


UNKNOWN = {
    *([] if HAS_FRESHNESS else [("assets", each, "freshness") for each in ("raw/orders", "later")]),
    *([] if HAS_MONITORED_ASSETS else [("sensors", "on_several", "monitored_assets")]),
    *([] if MARKS_SECRETS else [("resources", "database", "values")]),
}
"""Facts that the installed Dagster does not have, or that are not told with it."""


@pytest.mark.parametrize(("kind", "name", "facts"), FACTS, ids=lambda each: str(each)[:20])
def test_facts(
    catalog: Mapping[str, Mapping[tuple[str, str], Any]],
    kind: str,
    name: str,
    facts: dict[str, Any],
) -> None:
    message = catalog[kind][MAIN, name]
    found = MessageToDict(message, preserving_proto_field_name=True)
    for field, expected in facts.items():
        if (kind, name, field) in UNKNOWN:
            continue
        if isinstance(expected, dict) and field == "partitions":
            assert expected.items() <= found[field].items()
        else:
            assert found[field] == expected, field


def test_metadata(catalog: Mapping[str, Mapping[tuple[str, str], Any]]) -> None:
    entries = {each.label: each for each in catalog["assets"][MAIN, "raw/orders"].metadata}
    assert entries["rows"].type == "int"
    assert entries["rows"].value.number_value == 3
    assert entries["huge"].value.string_value == str(2**60)
    assert entries["nan"].value.string_value == "nan"
    assert entries["none"].type == "null"
    assert entries["none"].value.HasField("null_value")
    assert entries["long"].value.string_value == "x" * 4_096
    assert entries["wide"].value.string_value.startswith('{"cells": [0, 1')
    assert [name for name, each in entries.items() if each.is_cut_off] == ["long", "wide"]
    schema = MessageToDict(entries["schema"].value)
    assert schema["columns"][0]["name"] == "id"


def test_a_partition_mapping_is_in_words(
    catalog: Mapping[str, Mapping[tuple[str, str], Any]],
) -> None:
    (dependency,) = catalog["assets"][MAIN, "later"].dependencies
    assert dependency.key == "days"
    assert "-1" in dependency.partition_mapping


def test_secrets_are_not_told(location: Location) -> None:
    """Those of resources with no version of Dagster; those of ops if it marks them."""
    hidden = ["s3cret", "default of a token", *(["hidden in tests"] if MARKS_SECRETS else [])]
    replies = [repr(ask(location, "catalog"))]
    for name in location.repositories[MAIN].job_names:
        for rpc, field in (("GetJob", "name"), ("GetRunConfigSchema", "job")):
            replies.append(repr(ask(location, rpc, **{field: name})))
    replies.append(repr(ask(location, "GetExecutionPlan", job="secret_job")))
    for secret in hidden:
        assert [reply for reply in replies if secret in reply] == [], secret


def test_the_config_of_a_resource(catalog: Mapping[str, Mapping[tuple[str, str], Any]]) -> None:
    config = catalog["resources"][MAIN, "database"].config
    assert config.kind == v1.ConfigType.KIND_SHAPE
    fields = {field.name: field for field in config.fields}
    assert [*fields] == ["host", "password", "port"]
    assert fields["port"].default_value.number_value == (5432 if MARKS_SECRETS else 0)
    assert not fields["password"].HasField("default_value")
