"""The filters of the five lists: tables of requests and of what passes."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from tests.api.calling import Api
from tests.api.conftest import Serve

Code = grpc.StatusCode

SMALL = [f"small_{number}" for number in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)]
SALES = ["report", "sales/orders"]
PER = ["per_day", "per_day_and_colour", "per_hour"]

# File, list, filters, the names that pass.
CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("assets", "jobs", {}, ["days_job", "sales_job", *SMALL, "tidy_up"]),
    ("assets", "jobs", {"names": ["*_job"]}, ["days_job", "sales_job"]),
    ("assets", "jobs", {"names": ["small_?"]}, [name for name in SMALL if len(name) == 7]),
    ("assets", "jobs", {"names": ["small_[13]"]}, ["small_1", "small_3"]),
    ("assets", "jobs", {"names": ["days_job", "tidy*"]}, ["days_job", "tidy_up"]),
    ("assets", "jobs", {"names": ["days"]}, []),
    ("assets", "jobs", {"names": [""]}, []),
    ("assets", "jobs", {"names": ["DAYS_JOB"]}, []),
    ("assets", "jobs", {"names": ["days_job\n"]}, []),
    ("assets", "jobs", {"names": ["(days_job|.*)"]}, []),
    ("assets", "jobs", {"tags": ["team"]}, ["sales_job", "tidy_up"]),
    ("assets", "jobs", {"tags": ["team=ops"]}, ["tidy_up"]),
    ("assets", "jobs", {"tags": ["team=sales", "tier=gold"]}, ["sales_job"]),
    ("assets", "jobs", {"tags": ["team=sales", "tier=silver"]}, []),
    ("assets", "jobs", {"tags": ["team="]}, []),
    ("assets", "jobs", {"owners": ["team:ops", "nobody"]}, ["tidy_up"]),
    ("assets", "jobs", {"owners": ["team:ops"], "names": ["sales*"]}, []),
    ("assets", "jobs", {"names": ["__ASSET_JOB"]}, []),
    ("assets", "jobs", {"names": ["__ASSET_JOB"], "include_implicit": True}, ["__ASSET_JOB"]),
    ("assets", "assets", {"keys": ["sales/*"]}, ["sales/orders"]),
    ("assets", "assets", {"keys": ["*orders"]}, ["raw/orders", "sales/orders"]),
    ("assets", "assets", {"keys": ["*"], "groups": ["sales"]}, SALES),
    ("assets", "assets", {"keys": ["* */*"]}, ["from outside/ein Größenmaß"]),
    ("assets", "assets", {"keys": ["orders"]}, []),
    ("assets", "assets", {"keys": ["per_*"]}, PER),
    ("assets", "assets", {"groups": ["raw", "sales"]}, ["events", "raw/orders", *SALES]),
    ("assets", "assets", {"kinds": ["dbt", "snowflake"]}, SALES),
    ("assets", "assets", {"kinds": ["python"]}, ["right", "sales/orders"]),
    ("assets", "assets", {"owners": ["ada@example.com"]}, ["sales/orders"]),
    ("assets", "assets", {"owners": ["team:sales"], "kinds": ["dbt"]}, ["report"]),
    ("assets", "assets", {"tags": ["tier"]}, SALES),
    ("assets", "assets", {"tags": ["tier=gold"]}, ["sales/orders"]),
    ("assets", "assets", {"tags": ["empty"]}, ["sales/orders"]),
    ("assets", "assets", {"tags": ["empty="]}, ["sales/orders"]),
    ("assets", "assets", {"tags": ["dagster/kind/dbt"]}, []),
    ("assets", "schedules", {}, ["every_day", "mornings", "weekly_sales"]),
    ("assets", "schedules", {"jobs": ["tidy_up"]}, ["mornings"]),
    ("assets", "schedules", {"tags": ["team=ops"]}, ["mornings"]),
    ("assets", "schedules", {"owners": ["team:ops"], "names": ["m*"]}, ["mornings"]),
    ("assets", "sensors", {"jobs": ["sales_job"]}, ["dust", "on_orders"]),
    ("assets", "sensors", {"types": ["SENSOR_TYPE_MULTI_ASSET"]}, ["on_halves"]),
    (
        "assets",
        "sensors",
        {"types": ["SENSOR_TYPE_ASSET", "SENSOR_TYPE_RUN_STATUS"]},
        ["on_failure", "on_orders", "on_success"],
    ),
    ("assets", "sensors", {"types": [99]}, []),
    ("assets", "sensors", {"owners": ["team:ops"]}, ["dust"]),
    ("assets", "sensors", {"tags": ["team=ops"]}, ["dust"]),
    ("configs", "resources", {"types": ["*.Database"]}, ["database", "mirror"]),
    ("configs", "resources", {"names": ["shared*", "old"]}, ["old", "shared_credentials"]),
    ("several", "jobs", {}, ["only_first", "shared", "only_second", "shared"]),
    ("several", "jobs", {"repository": "first"}, ["only_first", "shared"]),
    ("several", "jobs", {"repository": "second", "names": ["shared"]}, ["shared"]),
    ("several", "assets", {}, ["table", "chart", "table"]),
    ("several", "assets", {"repository": "second"}, ["chart", "table"]),
    ("several", "schedules", {"repository": "second"}, []),
]


@pytest.mark.parametrize(("file", "kind", "filters", "expected"), CASES, ids=str)
def test_what_passes(
    serve: Serve, file: str, kind: str, filters: dict[str, Any], expected: list[str]
) -> None:
    found = getattr(serve(file).call(f"List{kind.capitalize()}", **filters), kind)

    assert [each.key if kind == "assets" else each.name for each in found] == expected


@pytest.mark.parametrize("kind", ["Jobs", "Assets", "Schedules", "Sensors"])
@pytest.mark.parametrize("tag", ["", "=", "=value"])
def test_a_tag_without_a_key_is_refused(serve: Serve, kind: str, tag: str) -> None:
    failure = serve("assets").failure(f"List{kind}", tags=["team", tag])

    assert failure.code is Code.INVALID_ARGUMENT
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["tags"]


@pytest.mark.parametrize("kind", ["Jobs", "Assets", "Schedules", "Sensors", "Resources"])
@pytest.mark.parametrize(
    ("name", "says"),
    [("frist", 'did you mean "first"?'), ("elsewhere", '"first", "second"'), ("größe", "")],
)
def test_a_repository_that_is_not_there_is_not_found(
    serve: Serve, kind: str, name: str, says: str
) -> None:
    failure = serve("several").failure(f"List{kind}", repository=name)

    assert failure.code is Code.NOT_FOUND
    assert says in failure.message
    info = failure.only(ResourceInfo)
    assert (info.resource_type, info.resource_name) == ("repository", name)


def test_very_many_patterns_are_taken(serve: Serve) -> None:
    api: Api = serve("assets")

    found = api.call(
        "ListJobs", names=["*a*b*c*d*e*f*g*h*i*j*k*l"] * 100 + ["tidy_up"] * 2_000
    ).jobs

    assert [job.name for job in found] == ["tidy_up"]
