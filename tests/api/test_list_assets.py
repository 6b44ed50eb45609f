"""ListAssets: what is said of an asset, beside Dagster."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from google.protobuf.json_format import MessageToDict

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import module_of, repository_of
from tests.api.conftest import Serve

FILES = ["assets", "example", "partitions"]
LONGEST = 4096


def assets_of(api: Api) -> dict[str, v1.Asset]:
    found = api.call("ListAssets", page_size=1000).assets
    assert [asset.key for asset in found] == sorted(asset.key for asset in found)
    return {asset.key: asset for asset in found}


@pytest.fixture(scope="module")
def assets(serve: Serve) -> dict[str, v1.Asset]:
    return assets_of(serve("assets"))


@pytest.mark.parametrize("file", FILES)
def test_assets_are_those_of_dagster(serve: Serve, file: str) -> None:
    found = assets_of(serve(file))

    graph = repository_of(file).asset_graph
    assert sorted(found) == sorted(key.to_user_string() for key in graph.get_all_asset_keys())
    assert {key: facts_of(asset) for key, asset in found.items()} == {
        key.to_user_string(): expected_facts(graph, key) for key in graph.get_all_asset_keys()
    }


def facts_of(asset: v1.Asset) -> dict[str, Any]:
    return {
        "group": asset.group,
        "description": asset.description,
        "kinds": list(asset.kinds),
        "tags": {**asset.tags},
        "owners": list(asset.owners),
        "dependencies": sorted(each.key for each in asset.dependencies),
        "is_partitioned": asset.HasField("partitions"),
        "execution": v1.Asset.Execution.Name(asset.execution),
        "checks": sorted(check.name for check in asset.checks),
        "has_freshness": asset.HasField("freshness"),
        "has_automation": bool(asset.automation_condition),
        "code_version": asset.code_version,
        "pools": sorted(asset.pools),
        "has_backfill_policy": asset.HasField("max_partitions_per_run"),
    }


def expected_facts(graph: Any, key: dg.AssetKey) -> dict[str, Any]:
    node = graph.get(key)
    execution = (
        "EXTERNAL"
        if node.is_external and not node.is_observable
        else "MATERIALIZATION"
        if node.is_materializable
        else "OBSERVATION"
    )
    return {
        "group": node.group_name,
        "description": node.description or "",
        "kinds": sorted(node.kinds),
        "tags": {k: v for k, v in node.tags.items() if not k.startswith("dagster/kind/")},
        "owners": list(node.owners),
        "dependencies": sorted(each.to_user_string() for each in node.parent_keys),
        "is_partitioned": node.partitions_def is not None,
        "execution": f"EXECUTION_{execution}",
        "checks": sorted(check.name for check in node.check_keys),
        "has_freshness": node.freshness_policy is not None,
        "has_automation": node.automation_condition is not None,
        "code_version": node.code_version or "",
        "pools": sorted(node.pools or ()),
        "has_backfill_policy": node.backfill_policy is not None,
    }


def test_the_jobs_of_an_asset_are_those_that_materialize_it(serve: Serve) -> None:
    repository = repository_of("assets")

    for key, asset in assets_of(serve("assets")).items():
        expected = sorted(
            job.name
            for job in repository.get_all_jobs()
            if dg.AssetKey.from_user_string(key) in job.asset_layer.selected_asset_keys
        )
        assert sorted(asset.jobs) == expected, key


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "sales/orders",
            {
                "freshness": {"time_window": {"fail_window": "172800s", "warn_window": "86400s"}},
                "op": "sales__orders",
                "execution": "EXECUTION_MATERIALIZATION",
            },
        ),
        (
            "report",
            {
                "freshness": {
                    "cron": {
                        "deadline_cron": "0 9 * * 1-5",
                        "lower_bound_delta": "7200s",
                        "timezone": "Europe/Berlin",
                    }
                }
            },
        ),
        ("events", {"execution": "EXECUTION_OBSERVATION"}),
        ("raw/orders", {"execution": "EXECUTION_EXTERNAL"}),
        ("from outside/ein Größenmaß", {"description": "Ünïcode ✓"}),
        ("per_hour", {"max_partitions_per_run": 0, "partitions": {"kind": "KIND_TIME_WINDOW"}}),
        ("per_day", {"max_partitions_per_run": 5}),
        ("per_day_and_colour", {"partitions": {"kind": "KIND_MULTI"}}),
        ("refined", {"op": "refined", "description": "Made by two ops."}),
        ("left", {"op": "halves"}),
    ],
    ids=str,
)
def test_an_asset_says(assets: dict[str, v1.Asset], key: str, expected: dict[str, Any]) -> None:
    found = MessageToDict(assets[key], preserving_proto_field_name=True)

    for name, value in expected.items():
        if name == "partitions":
            assert found[name].items() >= value.items()
        else:
            assert found[name] == value, name


def test_an_external_asset_has_no_op(assets: dict[str, v1.Asset]) -> None:
    assert assets["raw/orders"].op == ""
    assert not assets["raw/orders"].HasField("freshness")
    assert not assets["left"].HasField("max_partitions_per_run")


@pytest.mark.parametrize(
    ("key", "upstream", "says"),
    [
        ("per_day", "per_hour", True),
        ("per_day_and_colour", "per_day", True),
        ("latest", "per_day", True),
        ("yesterday", "yesterday", True),
        ("report", "sales/orders", False),
    ],
)
def test_a_mapping_of_partitions_is_told_in_words(
    assets: dict[str, v1.Asset], key: str, upstream: str, says: bool
) -> None:
    (dependency,) = [each for each in assets[key].dependencies if each.key == upstream]

    assert bool(dependency.partition_mapping) == says
    assert "object at 0x" not in dependency.partition_mapping


def test_checks(assets: dict[str, v1.Asset]) -> None:
    checks = {check.name: check for check in assets["sales/orders"].checks}

    assert checks["some_orders"].is_blocking
    assert checks["some_orders"].description == "There are some."
    assert not checks["orders_agree"].is_blocking
    assert list(checks["orders_agree"].additional_keys) == ["report"]
    assert "__ASSET_JOB" in checks["some_orders"].jobs
    (complete,) = assets["report"].checks
    assert (complete.name, complete.description) == ("is_complete", "No gap.")
    assert [check.name for check in assets["events"].checks] == ["events_are_there"]


def test_an_automation_condition_is_told_in_words(assets: dict[str, v1.Asset]) -> None:
    assert "eager" in assets["sales/orders"].automation_condition
    assert "on_cron" in assets["report"].automation_condition
    assert assets["left"].automation_condition == ""


# Metadata


@pytest.mark.parametrize(
    ("label", "kind", "value"),
    [
        ("text", "text", "plain"),
        ("number", "int", 3),
        ("big", "int", str(2**60)),  # a number of JSON would lose digits
        ("fraction", "float", 0.25),
        ("yes", "bool", True),
        ("nothing", "null", None),
        ("object", "json", {"a": [1, {"b": None}]}),
        ("list", "json", [1, 2]),
        ("link", "url", "https://example.org/table?x=1&y=ü"),
        ("file", "path", "/data/table.parquet"),
        ("words", "md", "# Title\n\n*text*"),
        ("another", None, None),
        ("moment", "timestamp", None),
        ("schema", "table_schema", None),
        ("table", "table", None),
        ("lineage", None, None),
        ("label with spaces", "text", "kept"),
    ],
    ids=str,
)
def test_metadata_of_every_sort(
    assets: dict[str, v1.Asset], label: str, kind: str | None, value: Any
) -> None:
    (entry,) = [each for each in assets["sales/orders"].metadata if each.label == label]

    assert not entry.is_cut_off
    assert entry.type == (kind or entry.type)
    assert entry.type
    found = MessageToDict(entry)["value"]
    if value is not None or label == "nothing":
        assert found == value
    else:
        assert found is not None


def test_what_tables_and_schemas_hold_is_told(assets: dict[str, v1.Asset]) -> None:
    found = {each.label: str(MessageToDict(each)) for each in assets["sales/orders"].metadata}

    assert "größe" in found["schema"]
    assert "Number." in found["schema"]
    assert "'x'" in found["table"]
    assert "events" in found["lineage"]
    assert "orders" in found["another"]
    assert "1700000000.5" in found["moment"]


@pytest.mark.parametrize("label", ["long", "wide"])
def test_long_metadata_is_cut_off(assets: dict[str, v1.Asset], label: str) -> None:
    (entry,) = [each for each in assets["sales/orders"].metadata if each.label == label]

    text = entry.value.string_value
    assert entry.is_cut_off
    assert 0 < len(text) <= LONGEST + 10
    if label == "long":
        assert module_of("assets").METADATA["long"].startswith(text.rstrip("….")[:LONGEST])


def test_each_entry_is_there_once_and_in_order(assets: dict[str, v1.Asset]) -> None:
    labels = [entry.label for entry in assets["sales/orders"].metadata]

    expected = list(module_of("assets").METADATA)
    assert sorted(labels) == sorted(expected)
