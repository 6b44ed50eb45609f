"""ListPartitions: keys in Dagster's order, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import grpc
import pytest
from dagster._core.instance.ref import InstanceRef
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from codeserver.api import v1
from tests.api.calling import Api, file_of
from tests.api.comparing import job_of, module_of
from tests.api.conftest import Serve

Code = grpc.StatusCode

CUSTOMERS = ["Zoë", "ada", "bob"]
# Kind and name of what is partitioned, and the variable in the file that says how.
TARGETS = [
    ("asset", "by/colour", "colours"),
    ("asset", "by/odd", "odd"),
    ("asset", "by/day", "daily"),
    ("asset", "by/week", "weekly"),
    ("asset", "by/month", "monthly"),
    ("asset", "by/quarter", "quarterly"),
    ("asset", "by/both", "both"),
    ("asset", "by/customer", "customers"),
    ("job", "colour_job", "colours"),
    ("job", "week_job", "weekly"),
    ("job", "plain_daily_job", "daily"),
    ("job", "both_job", "both"),
    ("job", "customers_job", "customers"),
    ("job", "colour_assets", "colours"),
]
HOURS = 24 * 3653


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of the servers, which knows some customers."""
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as found:
        found.add_dynamic_partitions("customers", CUSTOMERS)
        yield found


@pytest.fixture(scope="module")
def partitions(serve: Serve, instance: dg.DagsterInstance) -> Api:
    return serve("partitions")


def keys_of(api: Api, **fields: Any) -> list[str]:
    pages = list(api.pages("ListPartitions", **fields))
    found = [key for page in pages for key in page.keys]
    assert {page.total_count for page in pages} == {len(found)}
    return found


@pytest.mark.parametrize(("kind", "name", "definition"), TARGETS)
def test_keys_are_those_of_dagster(
    partitions: Api, instance: dg.DagsterInstance, kind: str, name: str, definition: str
) -> None:
    expected = getattr(module_of("partitions"), definition).get_partition_keys(
        dynamic_partitions_store=instance
    )
    assert expected

    assert keys_of(partitions, **{kind: name}) == [*expected]
    reverse = keys_of(partitions, **{kind: name}, reverse=True)
    assert reverse == [*reversed(expected)]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("by/colour", size) for size in (1, 4, 10_000)),
        *(("by/week", size) for size in (7, 10_000)),
        *(("by/both", size) for size in (50, 177, 10_000)),
        *(("by/customer", size) for size in (1, 3)),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_page_size_gives_the_same_keys(
    partitions: Api, name: str, size: int, reverse: bool
) -> None:
    (whole,) = partitions.pages("ListPartitions", asset=name, reverse=reverse)

    pages = list(partitions.pages("ListPartitions", asset=name, page_size=size, reverse=reverse))

    assert [key for page in pages for key in page.keys] == [*whole.keys]
    assert all(0 < len(page.keys) <= size for page in pages)
    assert len(pages) == -(-len(whole.keys) // size)


def test_ten_years_of_hours(partitions: Api) -> None:
    first = partitions.call("ListPartitions", asset="by/hour", page_size=10_000)
    last = partitions.call("ListPartitions", asset="by/hour", page_size=3, reverse=True)

    expected = module_of("partitions").hourly.get_partition_keys()
    assert first.total_count == last.total_count == len(expected) == HOURS
    assert [*first.keys] == expected[:10_000]
    assert [*last.keys] == expected[-3:][::-1]
    second = partitions.call(
        "ListPartitions", asset="by/hour", page_size=10_000, page_token=first.next_page_token
    )
    assert [*second.keys] == expected[10_000:20_000]


def test_partitions_that_go_on_reach_until_today(partitions: Api) -> None:
    definition = module_of("partitions").endless
    before = definition.get_partition_keys()

    found = keys_of(partitions, asset="by/endless")

    assert found in (before, definition.get_partition_keys())  # midnight may pass


def test_a_function_of_the_user_gives_keys(partitions: Api) -> None:
    assert keys_of(partitions, job="function_job", page_size=7) == [
        f"number_{number}" for number in range(30)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("by/colour", {"kind": "KIND_STATIC", "static_count": 6}),
        (
            "by/day",
            {
                "kind": "KIND_TIME_WINDOW",
                "time_windows": {
                    "cron_schedule": "0 0 * * *",
                    "timezone": "UTC",
                    "start": "2026-01-01T00:00:00Z",
                    "end": "2026-03-01T00:00:00Z",
                    "format": "%Y-%m-%d",
                },
            },
        ),
        (
            "by/week",
            {
                "kind": "KIND_TIME_WINDOW",
                "time_windows": {
                    "cron_schedule": "30 6 * * 3",
                    "timezone": "America/New_York",
                    "start": "2025-01-01T05:00:00Z",
                    "end": "2026-01-01T05:00:00Z",
                    "format": "%Y-%m-%d",
                },
            },
        ),
        ("by/customer", {"kind": "KIND_DYNAMIC", "dynamic_name": "customers"}),
    ],
    ids=str,
)
def test_how_it_is_partitioned(partitions: Api, name: str, expected: dict[str, Any]) -> None:
    definition = partitions.call("ListPartitions", asset=name, page_size=1).partitions

    assert definition.description
    found = MessageToDict(definition, preserving_proto_field_name=True)
    assert {key: found.get(key) for key in expected} == expected
    (listed,) = partitions.call("ListAssets", keys=[name]).assets
    assert listed.partitions == definition


def test_windows_without_an_end_have_none(partitions: Api) -> None:
    windows = partitions.call("ListPartitions", asset="by/endless").partitions.time_windows

    assert not windows.HasField("end")
    assert windows.end_offset == 1


def test_several_dimensions_are_in_the_order_of_their_names(partitions: Api) -> None:
    reply = partitions.call("ListPartitions", asset="by/both", page_size=1)

    dimensions = {each.name: each.partitions.kind for each in reply.partitions.dimensions}
    assert reply.partitions.kind == v1.PartitionsDefinition.KIND_MULTI
    assert list(dimensions.items()) == [
        ("colour", v1.PartitionsDefinition.KIND_STATIC),
        ("day", v1.PartitionsDefinition.KIND_TIME_WINDOW),
    ]
    assert list(reply.keys) == ["red|2026-01-01"]


@pytest.mark.parametrize("job", ["colour_job", "day_job", "function_job", "customers_job"])
def test_the_job_says_the_same(partitions: Api, job: str) -> None:
    definition = partitions.call("ListPartitions", job=job, page_size=1).partitions

    assert partitions.call("GetJob", name=job).job.partitions == definition
    assert job_of("partitions", job).partitions_def is not None


def test_dynamic_partitions_without_keys(partitions: Api) -> None:
    reply = partitions.call("ListPartitions", asset="by/nobody")

    assert list(reply.keys) == []
    assert (reply.total_count, reply.next_page_token) == (0, "")


def test_dynamic_partitions_that_are_added_are_seen(
    partitions: Api, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("customers", ["late"])
    try:
        assert "late" in keys_of(partitions, asset="by/customer")
    finally:
        instance.delete_dynamic_partition("customers", "late")
    assert "late" not in keys_of(partitions, asset="by/customer")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "INVALID_ARGUMENT", "target"),
        ({"job": ""}, "INVALID_ARGUMENT", "target"),
        ({"asset": ""}, "INVALID_ARGUMENT", "target"),
        ({"job": "unpartitioned_job"}, "INVALID_ARGUMENT", "job"),
        ({"asset": "by/nothing"}, "INVALID_ARGUMENT", "asset"),
        ({"asset": "by/colour", "page_size": 10_001}, "INVALID_ARGUMENT", "page_size"),
        ({"asset": "by/colour", "page_size": -1}, "INVALID_ARGUMENT", "page_size"),
        ({"asset": "by/colour", "page_token": "x"}, "INVALID_ARGUMENT", "page_token"),
        ({"job": "colour_jbo"}, "NOT_FOUND", "job"),
        ({"asset": "by/color"}, "NOT_FOUND", "asset"),
        ({"asset": "colour_job"}, "NOT_FOUND", "asset"),
        ({"asset": "by/colour", "repository": "x"}, "NOT_FOUND", "repository"),
    ],
    ids=str,
)
def test_what_has_no_partitions(
    partitions: Api, fields: dict[str, Any], code: str, field: str
) -> None:
    failure = partitions.failure("ListPartitions", **fields)

    assert failure.code is Code[code], failure
    assert "\n" not in failure.message
    if failure.code is Code.NOT_FOUND:
        assert failure.only(ResourceInfo).resource_type == field
    else:
        assert field in [each.field for each in failure.only(BadRequest).field_violations]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"job": "colour_jbo"}, 'did you mean "colour_job"?'),
        ({"asset": "by/color"}, 'did you mean "by/colour"?'),
    ],
    ids=str,
)
def test_the_nearest_name_is_suggested(partitions: Api, fields: dict[str, Any], says: str) -> None:
    assert says in partitions.failure("ListPartitions", **fields).message


@pytest.mark.parametrize("other", [{"reverse": True}, {"asset": "by/week"}, {"job": "week_job"}])
def test_a_token_of_other_partitions_is_refused(partitions: Api, other: dict[str, Any]) -> None:
    fields = {"asset": "by/day", "page_size": 1}
    token = partitions.call("ListPartitions", **fields).next_page_token
    fields = {**(fields if "job" not in other else {}), **other}

    failure = partitions.failure("ListPartitions", **fields, page_token=token)

    assert failure.code is Code.INVALID_ARGUMENT


def test_without_an_instance_dynamic_partitions_are_refused(start: Serve) -> None:
    api = start(file_of("partitions"), env={"DAGSTER_HOME": ""})

    failure = api.failure("ListPartitions", asset="by/customer")

    assert failure.code is Code.INVALID_ARGUMENT
    assert "instance" in failure.message
    assert keys_of(api, asset="by/colour")


def test_an_asset_of_several_repositories(serve: Serve) -> None:
    api = serve("several")

    assert api.failure("ListPartitions", asset="table").code is Code.INVALID_ARGUMENT
    assert api.failure("ListPartitions", asset="table", repository="first").code is (
        Code.INVALID_ARGUMENT
    )
    assert keys_of(api, asset="table", repository="second") == ["a", "b"]
