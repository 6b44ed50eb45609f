"""Partition names, and the run config and tags of partitions."""

from __future__ import annotations

from tests.differential import calls
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair

CONFIG, TAGS = "ExternalPartitionConfig", "ExternalPartitionTags"


@table(
    [
        Case("static", calls.partition_names("coloured"), expect='["red", "green", "blue"]'),
        Case("daily", calls.partition_names("dated"), expect='"2024-01-05"'),
        Case("asset job", calls.partition_names("per_day_job"), expect='"2024-01-01"'),
        Case("implicit asset job", calls.partition_names("__ASSET_JOB"), expect="Job has no"),
        Case("dynamic", calls.partition_names("for_customers"), expect="instance is not"),
        Case("unpartitioned", calls.partition_names("arithmetic"), expect="Job has no"),
        Case("function raises", calls.partition_names("names_fail"), expect="in _names_fail"),
        Case("unknown job", calls.partition_names("nope"), expect="Could not find job 'nope'"),
    ]
)
def test_names(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("static", calls.partition(CONFIG, "coloured", "red"), expect='"amount": 3'),
        Case("daily", calls.partition(CONFIG, "dated", "2024-01-04"), expect='"amount": 4'),
        Case("dynamic", calls.partition(CONFIG, "for_customers", "ann"), expect='"ann"'),
        Case("unpartitioned", calls.partition(CONFIG, "arithmetic", "red"), expect="{}"),
        Case("raises", calls.partition(CONFIG, "coloured", "blue"), expect="not for sale"),
        Case("unknown key", calls.partition(CONFIG, "coloured", "pink"), expect="pink"),
        Case("unknown job", calls.partition(CONFIG, "nope", "red"), expect="job 'nope'"),
        Case("static", calls.partition(TAGS, "coloured", "red"), expect='"c": "red"'),
        Case("daily", calls.partition(TAGS, "dated", "2024-01-04"), expect='"dagster/partition"'),
        Case("dynamic", calls.partition(TAGS, "for_customers", "ann"), expect='"ann"'),
        Case("unpartitioned", calls.partition(TAGS, "arithmetic", "red"), expect="Job has no"),
        Case("raises", calls.partition(TAGS, "tags_fail", "a"), expect="ZeroDivisionError"),
        Case("unknown key", calls.partition(TAGS, "coloured", "pink"), expect="pink"),
        Case("unknown job", calls.partition(TAGS, "nope", "red"), expect="job 'nope'"),
    ]
)
def test_partition(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("some", calls.partition_params("coloured", ["red", "green"]), expect='"amount": 5'),
        Case("none", calls.partition_params("coloured", []), expect='"partition_data": []'),
        Case("raises", calls.partition_params("coloured", ["red", "blue"]), expect="in by_colour"),
        Case("unknown key", calls.partition_params("coloured", ["pink"]), expect="pink"),
        Case("unpartitioned", calls.partition_params("arithmetic", ["red"]), expect="does not"),
        Case("unknown job", calls.partition_params("nope", ["red"]), expect="job 'nope'"),
    ]
)
def test_params(case: Case, pair: Pair) -> None:
    check(case, pair)
