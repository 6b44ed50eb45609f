"""What is nested too deep or is too much for a message is cut off, and harms nothing else."""

from __future__ import annotations

import json

import grpc
import pytest

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.conftest import Serve


@pytest.fixture(scope="module")
def deep(serve: Serve) -> Api:
    return serve("deep")


def test_one_deep_value_is_cut_off_and_the_rest_is_listed(deep: Api) -> None:
    (asset,) = deep.call("ListAssets").assets
    value, levels = asset.metadata[0].value, 0
    while value.WhichOneof("kind") == "struct_value":
        value, levels = value.struct_value.fields["k"], levels + 1
    assert (levels, value.string_value) == (12, "...")
    assert {job.name for job in deep.call("ListJobs").jobs} == {"deep_10", "deep_60", "wide"}


@pytest.mark.parametrize(("job", "levels"), [("deep_10", 10), ("deep_60", 21)])
def test_graphs_are_cut_off_where_messages_may_not_be_deeper(
    deep: Api, job: str, levels: int
) -> None:
    graph, found = deep.call("GetJob", name=job).graph, 0
    while graph.nodes:
        graph, found = graph.nodes[0].graph, found + 1
    # The graph of the job is one of those that were defined; the op has no graph.
    assert found == levels
    assert deep.call("GetRunConfigSchema", job=job).json_schema.fields["properties"]


def test_more_mistakes_than_fit_are_counted(deep: Api) -> None:
    wrong = {"ops": {"wide_op": {"config": {f"wrong_{number}": 1 for number in range(4_000)}}}}
    failed = deep.failure("GetExecutionPlan", job="wide", run_config=json.dumps(wrong))
    assert failed.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "has more than 50 mistakes, the first one: There is no field" in failed.message
    assert failed.all(v1.RunConfigError)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("code_location:x", "code_location: cannot be used"),
        (" or ".join(f'key:"a{number}"' for number in range(5_000)), "it is nested too deeply"),
    ],
    ids=["location", "deep"],
)
def test_selections_that_dagster_does_not_take(deep: Api, selection: str, words: str) -> None:
    failed = deep.failure("GetAssetGraph", selection=selection)
    assert failed.code is grpc.StatusCode.INVALID_ARGUMENT
    assert words in failed.message


def test_a_name_of_megabytes_is_not_told_again(deep: Api) -> None:
    failed = deep.failure("ListJobs", repository="x" * 3_000_000)
    assert failed.code is grpc.StatusCode.NOT_FOUND
    assert len(failed.message) < 500
