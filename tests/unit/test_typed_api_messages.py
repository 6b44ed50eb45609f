"""What workers and failures become as messages."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo
from google.rpc.status_pb2 import Status

from codeserver.api import v1
from codeserver.errors import InvalidRequest, NotFound, WorkerCrashed
from codeserver.front.rich_errors import trailing_metadata
from codeserver.front.typed_api import catalog, load_errors, values
from codeserver.supervisor.loading.failure import LoadFailure, NotLoaded

PLAIN = [None, True, 3, 2.5, "x", "", [], {}, [1, [None]], {"a": {"b": [{}]}}, {"$json": 1, "x": 2}]


@pytest.mark.parametrize("plain", PLAIN, ids=json.dumps)
def test_values_are_what_was_marked(plain: Any) -> None:
    (made,) = values.read(json.dumps([{"$json": [json.dumps(plain)]}]).encode())
    assert MessageToDict(made) == plain


def test_values_fit_into_messages() -> None:
    body = json.dumps({"fields": [{"name": "n", "default_value": {"$json": ['{"a": [1]}']}}]})
    made = v1.ConfigType(**values.read(body.encode()))
    assert MessageToDict(made.fields[0].default_value) == {"a": [1]}


def test_nothing_of_the_user_is_taken_for_a_value() -> None:
    body = json.dumps({"name": "n", "tags": {"$json": "x"}}).encode()
    assert v1.Job(**values.read(body)).tags == {"$json": "x"}


def test_halves_of_characters_are_replaced() -> None:
    body = json.dumps({"name": "a\udcff\U0001f600", "description": "\\ud800"}).encode()
    assert v1.Job(**values.read(body)) == v1.Job(name="a\ufffd\U0001f600", description="\\ud800")
    error = load_errors.of_failure(failure(info("ValueError", "bad: \udcff"), "bad: \udcff"))
    assert (error.message, error.text) == ("bad: \ufffd", "bad: \ufffd")
    detail = {"type": "resource", "resource_type": "job", "resource_name": "\udcff"}
    assert details(NotFound("no ?", [detail]))[0].resource_name == "\ufffd"


def info(name: str, message: str, **more: Any) -> dict[str, Any]:
    frame = '  File "/code/repo.py", line 3, in load\n    import pandas\n    ^^^^\n'
    fields = {"cls_name": name, "message": f"{name}: {message}\n", "stack": [frame]}
    return {**fields, "cause": None, "context": None, **more}


def failure(
    error: dict[str, Any], brief: str = "Traceback (most recent call last):\nKeyError: 'x'"
) -> LoadFailure:
    return LoadFailure(json.dumps(error).encode(), "everything", "digest", brief)


def test_a_load_error_has_what_python_has() -> None:
    inner = info("KeyError", "'x'")
    made = load_errors.of_failure(failure(info("ValueError", "no: such", cause=inner)))
    assert (made.type, made.message) == ("ValueError", "no: such")
    assert made.frames[0] == v1.StackFrame(
        file="/code/repo.py", line=3, function="load", code="import pandas"
    )
    assert (made.cause.type, made.cause.message) == ("KeyError", "'x'")
    assert made.text == "Traceback (most recent call last):\nKeyError: 'x'"
    assert not made.HasField("context")


def test_the_error_that_only_says_that_code_is_loaded_is_left_out() -> None:
    wrapper = info("DagsterUserCodeLoadError", "Error occurred", cause=info("KeyError", "'x'"))
    assert load_errors.of_failure(failure(wrapper)).type == "KeyError"


def test_a_death_has_no_exception() -> None:
    made = load_errors.of_failure(LoadFailure(b"", "killed by a signal", "digest"))
    assert made == v1.LoadError(message="killed by a signal", text="killed by a signal")


def test_a_large_error_is_shortened_from_the_outside() -> None:
    error = info("ValueError", "m" * 5_000)
    error["stack"] = [f'  File "/{"d" * 90}/{n}.py", line {n}, in f\n' for n in range(200)]
    error["cause"] = {**error, "cls_name": "KeyError"}
    whole = load_errors.of_failure(failure(error, "t" * 50_000))
    short = load_errors.shortened(whole, 3_000)
    assert whole.ByteSize() > 50_000
    assert short.ByteSize() <= 3_000
    assert [frame.line for frame in short.frames] == [197, 198, 199]
    assert short.cause.type == "KeyError"
    assert load_errors.shortened(whole, whole.ByteSize()) == whole


CONFIG_ERROR = {
    "type": "run_config",
    "path": ["ops", "load", "config", "n"],
    "reason": "REASON_TYPE_MISMATCH",
    "message": "Int is expected",
    "allowed": ["Int"],
}


def details(error: Exception) -> list[Any]:
    metadata = trailing_metadata(error, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    if not metadata:
        return []
    ((key, value),) = metadata
    assert key == "grpc-status-details-bin"
    assert len(value) <= 4_500
    status = Status.FromString(value)
    assert (status.code, status.message) == (3, str(error))
    found = []
    for packed in status.details:
        for kind in (BadRequest, ResourceInfo, v1.RunConfigError, v1.LoadError):
            message = kind()
            if packed.Unpack(message):
                found.append(message)
    assert len(found) == len(status.details)
    return found


def test_details_of_a_field() -> None:
    detail = {"type": "field", "field": "tags", "description": "what is wrong"}
    (made,) = details(InvalidRequest("text", [detail]))
    assert [(each.field, each.description) for each in made.field_violations] == [
        ("tags", "what is wrong")
    ]


def test_details_of_run_config() -> None:
    made, error = details(InvalidRequest("text", [CONFIG_ERROR]))
    assert made.field_violations[0].field == "run_config.ops.load.config.n"
    assert error == v1.RunConfigError(
        path=["ops", "load", "config", "n"],
        reason="REASON_TYPE_MISMATCH",
        message="Int is expected",
        allowed=["Int"],
    )


def test_details_of_a_name() -> None:
    detail = {"type": "resource", "resource_type": "job", "resource_name": "x"}
    assert details(NotFound("no job", [detail])) == [
        ResourceInfo(resource_type="job", resource_name="x", description="no job")
    ]


def test_details_of_code() -> None:
    error = info("KeyError", "'x'")
    assert details(NotLoaded(failure(error)))[0].type == "KeyError"
    assert details(WorkerCrashed("crashed", json.dumps(error).encode()))[0].type == "KeyError"
    assert details(WorkerCrashed("crashed")) == details(InvalidRequest("text")) == []


def test_a_thousand_mistakes_fit_into_a_header() -> None:
    made = details(InvalidRequest("text", [CONFIG_ERROR] * 1_000))
    assert len(made[0].field_violations) > 5
    assert len(made) > 5


def test_an_endless_error_fits_into_a_message() -> None:
    error = info("ValueError", "m" * 5_000_000)
    error["stack"] *= 5_000
    error["cause"] = {**error, "stack": [f"{each}{'x' * 9_000}" for each in error["stack"]]}
    made = load_errors.of_failure(failure(error, "t" * 5_000_000))
    assert made.ByteSize() < 1_100_000
    assert len(made.frames) == len(made.cause.frames) == 100


def test_the_words_say_what_is_served() -> None:
    lost = failure(info("KeyError", "'x'"))
    assert str(NotLoaded(lost)) == "The code failed to load: KeyError: 'x'"
    assert "(the code loaded before is served on): KeyError" in str(NotLoaded(lost, kept=True))


def test_an_asset_graph_comes_in_parts() -> None:
    assets = [v1.Asset(key=f"a{number}", description="x" * 300_000) for number in range(7)]
    for upstream, asset in pairwise(assets):
        asset.dependencies.add(key=upstream.key)
    assets[0].dependencies.add(key="elsewhere")
    parts = [
        v1.GetAssetGraphResponse.FromString(each) for each in catalog.graph_messages(assets, 3)
    ]
    assert [[asset.key for asset in part.assets] for part in parts] == [
        *(["a0", "a1", "a2"], ["a3", "a4", "a5"], ["a6"], [])
    ]
    edges = [(edge.from_key, edge.to_key) for edge in parts[-1].edges]
    assert edges == [(f"a{number}", f"a{number + 1}") for number in range(6)]
    assert {part.generation for part in parts} == {3}


def test_an_empty_asset_graph_is_one_message() -> None:
    (part,) = catalog.graph_messages([], 3)
    assert v1.GetAssetGraphResponse.FromString(part) == v1.GetAssetGraphResponse(generation=3)
