"""Partition keys, beside what Dagster says, and selections of assets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import dagster as dg
import pytest
from dagster._check import CheckError
from dagster._core.test_utils import freeze_time
from dagster._serdes import serialize_value

from codeserver.api import v1
from codeserver.errors import InvalidRequest, NotFound
from codeserver.worker.describing import partition_keys
from codeserver.worker.loading.instance import ref_of
from codeserver.worker.loading.location import Location
from tests.support.dagster_names import HAS_PAGES, HAS_WILDCARDS
from tests.unit.describing import MAIN, PARTITIONS, ask, make_location
from tests.unit.work import calls

NOW = datetime(2025, 3, 31, 12, tzinfo=timezone.utc)
"""Just after the clocks of Berlin were put forward."""

PAGES = [(0, 1), (0, 3), (1, 2), (3, 1_000), (200, 7), (2_000, 100), (100_000, 10)]


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Location]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as instance:
        instance.add_dynamic_partitions("customers", ["ada", "grace"])
        instance.add_dynamic_partitions("odd", ["a|b", "c"])
        yield make_location(serialize_value(instance.get_ref()))


@pytest.fixture
def now() -> Iterator[None]:
    with freeze_time(NOW):
        yield


def keys_of_dagster(location: Location, name: str) -> list[str]:
    with dg.DagsterInstance.from_ref(ref_of(location.order)) as instance:
        keys = PARTITIONS[name].get_partition_keys(dynamic_partitions_store=instance)
        return [str(key) for key in keys]


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("name", PARTITIONS)
def test_pages_are_those_of_dagster(location: Location, name: str) -> None:
    keys = keys_of_dagster(location, name)
    assert keys
    for reverse in (False, True):
        ordered = keys[::-1] if reverse else keys
        for offset, limit in [*PAGES, (max(0, len(keys) - 5), 3), (max(0, len(keys) - 2), 9)]:
            page = {"offset": offset, "limit": limit, "reverse": reverse}
            found = v1.ListPartitionsResponse(
                **ask(location, "ListPartitions", job=f"by_{name}", **page)
            )
            assert found.keys == ordered[offset : offset + limit], page
            assert found.total_count == len(keys)


@pytest.mark.usefixtures("now")
def test_pages_of_an_asset(location: Location) -> None:
    found = v1.ListPartitionsResponse(**ask(location, "ListPartitions", asset="days"))
    assert found.keys == keys_of_dagster(location, "daily")
    assert found.partitions.kind == v1.PartitionsDefinition.KIND_TIME_WINDOW
    assert found.partitions.time_windows.end_offset == 1


@pytest.mark.parametrize("start", ["2025-03-31", "2030-01-01"])
@pytest.mark.usefixtures("now")
def test_windows_that_have_hardly_begun(start: str) -> None:
    found = dg.DailyPartitionsDefinition(start)
    assert partition_keys._page(found, 0, 10, reverse=False) == (0, [])
    assert partition_keys._page(found, 0, 10, reverse=True) == (0, [])


@pytest.mark.skipif(not HAS_PAGES, reason="this Dagster makes all keys")
@pytest.mark.usefixtures("now")
def test_a_year_of_hours_is_not_all_made() -> None:
    found = dg.HourlyPartitionsDefinition("2024-01-01-00:00")
    every = calls(found.get_partition_keys)
    for reverse in (False, True):

        def page(reverse: bool = reverse) -> tuple[int, list[str]]:
            return partition_keys._page(found, 0, 100, reverse=reverse)

        total, keys = page()
        assert (total, len(keys)) == (len(found.get_partition_keys()), 100)
        assert total > 8_000
        assert calls(page) < every / 5  # it is less than a hundredth


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"job": "nested"}, InvalidRequest, 'Job "nested" is not partitioned.'),
    ({"asset": "left"}, InvalidRequest, 'Asset "left" is not partitioned.'),
    ({"asset": "day"}, NotFound, 'There is no asset "day"; did you mean "days"?'),
    (
        {"asset": "raw/orders", "repository": ""},
        InvalidRequest,
        'Asset "raw/orders" is in several repositories; say in which: ',
    ),
    ({"job": "zzz"}, NotFound, 'There is no job "zzz"; list what there is to find a job.'),
]


@pytest.mark.parametrize(("fields", "error", "message"), REFUSED)
def test_what_is_refused(
    location: Location, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        ask(location, "ListPartitions", **fields)
    assert str(raised.value).startswith(message)


def test_without_an_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(InvalidRequest) as raised:
        ask(make_location(), "ListPartitions", job="by_dynamic")
    assert str(raised.value).startswith(
        'The partitions "customers" are kept in a Dagster instance, and there is none: '
    )


# Selections ---------------------------------------------------------------------------------------

SELECTIONS = [
    "*",
    'key:"raw/orders"',
    '+key:"left"',
    'key:"raw/*"+',
    "group:raw",
    "kind:python and not tag:tier=silver",
    'owner:"team:data"',
    "left",
    "+left",
    "is:external",
    "group:nothing",
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_keys_are_those_of_dagster(location: Location, selection: str) -> None:
    graph = location.repositories[MAIN].asset_graph
    try:
        parsed = dg.AssetSelection.from_string(selection, include_sources=True)
        expected = sorted(key.to_user_string() for key in parsed.resolve(graph))
    except (dg.DagsterError, CheckError):  # older versions do not know all of them
        with pytest.raises(InvalidRequest):
            ask(location, "GetAssetGraph", selection=selection)
        return
    found = ask(location, "GetAssetGraph", selection=selection)
    assert found == {"keys": [[MAIN, key] for key in expected]}
    if "*" not in selection or HAS_WILDCARDS:
        assert bool(expected) == (selection != "group:nothing")


def test_an_empty_selection_is_everything(location: Location) -> None:
    found = ask(location, "GetAssetGraph", selection=" ", repository="")["keys"]
    assert ["second", "raw/orders"] in found
    assert [MAIN, "outside/events"] in found
    assert found == sorted(found)


@pytest.mark.parametrize("key", ["raw/orders", "outside/events"])
def test_a_plain_key(location: Location, key: str) -> None:
    assert ask(location, "GetAssetGraph", selection=key) == {"keys": [[MAIN, key]]}


REFUSED_SELECTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"selection": "raw/order"},
        NotFound,
        'There is no asset "raw/order"; did you mean "raw/orders"?',
    ),
    (
        {"selection": "raw/orders", "repository": ""},
        InvalidRequest,
        'Asset "raw/orders" is in several repositories; say in which: ',
    ),
    (
        {"selection": "group:raw", "repository": ""},
        InvalidRequest,
        "There are several repositories; say in which to select: ",
    ),
    (
        {"selection": "group:raw and"},
        InvalidRequest,
        "Dagster does not take this selection: Syntax error at line 1, column 13",
    ),
    ({"selection": "+nope"}, InvalidRequest, "Dagster does not take this selection: AssetKey(s)"),
    (
        {"selection": "column:id"},
        InvalidRequest,
        "The selection asks for what only Dagster's webserver knows.",
    ),
    ({"selection": "*", "repository": "x"}, NotFound, 'There is no repository "x"; '),
]


@pytest.mark.parametrize(("fields", "error", "message"), REFUSED_SELECTIONS)
def test_what_is_no_selection(
    location: Location, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        ask(location, "GetAssetGraph", **fields)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
