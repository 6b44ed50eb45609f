"""What is nested too deep or is too much for a message is cut off, and harms nothing else."""

from __future__ import annotations

import json

import grpc
import pytest

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.conftest import Serve


@pytest.fixture(scope="module")
def extremes(serve: Serve) -> Api:
    return serve("extremes")


def test_one_deep_value_is_cut_off_and_the_rest_is_listed(extremes: Api) -> None:
    (asset,) = extremes.call("ListAssets").assets
    value, levels = asset.metadata[0].value, 0
    while value.WhichOneof("kind") == "struct_value":
        value, levels = value.struct_value.fields["k"], levels + 1
    assert (levels, value.string_value) == (12, "...")
    assert {job.name for job in extremes.call("ListJobs").jobs} == {
        "deep_10",
        "deep_60",
        "odd",
        "wide",
    }


@pytest.mark.parametrize(("job", "levels"), [("deep_10", 10), ("deep_60", 21)])
def test_graphs_are_cut_off_where_messages_may_not_be_deeper(
    extremes: Api, job: str, levels: int
) -> None:
    graph, found = extremes.call("GetJob", name=job).graph, 0
    while graph.nodes:
        graph, found = graph.nodes[0].graph, found + 1
    # The graph of the job is one of those that were defined; the op has no graph.
    assert found == levels
    assert extremes.call("GetRunConfigSchema", job=job).json_schema.fields["properties"]


def test_more_mistakes_than_fit_are_counted(extremes: Api) -> None:
    wrong = {"ops": {"wide_op": {"config": {f"wrong_{number}": 1 for number in range(4_000)}}}}
    failed = extremes.failure("GetExecutionPlan", job="wide", run_config=json.dumps(wrong))
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
def test_selections_that_dagster_does_not_take(extremes: Api, selection: str, words: str) -> None:
    failed = extremes.failure("GetAssetGraph", selection=selection)
    assert failed.code is grpc.StatusCode.INVALID_ARGUMENT
    assert words in failed.message


def test_a_name_of_a_megabyte_is_not_told_again(extremes: Api) -> None:
    failed = extremes.failure("ListJobs", repository="x" * 1_000_000)
    assert failed.code is grpc.StatusCode.NOT_FOUND
    assert len(failed.message) < 500


def test_times_and_numbers_are_the_largest_that_there_are(extremes: Api) -> None:
    (sensor,) = extremes.call("ListSensors").sensors
    assert sensor.minimum_interval.seconds == 315_576_000_000
    policy = extremes.call("GetJob", name="odd").graph.nodes[0].retry_policy
    assert (policy.max_retries, policy.delay.seconds) == (2**31 - 1, 315_576_000_000)


def test_no_tag_is_mistaken_for_something_else(extremes: Api) -> None:
    (job,) = extremes.call("ListJobs", names=["odd"]).jobs
    node = extremes.call("GetJob", name="odd").graph.nodes[0]
    (step,) = extremes.call("GetExecutionPlan", job="odd").plan.steps
    assert job.tags["$json"] == node.tags["$json"] == step.tags["$json"] == "x"


def test_secrets_of_the_default_config_are_not_shown(extremes: Api) -> None:
    text = extremes.call("GetExecutionPlan", job="odd").plan.default_run_config
    assert "user: shown" in text
    assert "hidden" not in text
