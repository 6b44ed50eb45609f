"""A repository whose data is a class of the user's defines other things from request to request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeserver import connect
from tests.differential import calls
from tests.differential.calls import Call
from tests.differential.cases import Case, check, table
from tests.differential.running import launch
from tests.differential.sides import STOCK_AGAINST_STOCK, Pair, Side, serving


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    """Both servers, after a client has asked for everything, and c was added and b taken away."""
    file = work / "defined.json"
    file.write_text(json.dumps(["a", "b"]))
    # Each answer of ours is another process's.
    env = {"DEFINED": str(file), "CODESERVER_WORKER_MAX_REQUESTS": "1"}
    with serving(["-f", "dynamic.py"], work, env=env) as both:
        for side in both:
            side.client.get_server_id()
            assert "op_b" in str(calls.repository().make(side))
            assert "sensor_b" in str(calls.repository(defer_snapshots=True).make(side))
            assert "op_b" in str(calls.job("b").make(side))
            if side.name == "ours" and not STOCK_AGAINST_STOCK:
                assert _typed_jobs(side) == ["a", "b"]
        file.write_text(json.dumps(["a", "c"]))
        yield both


def _typed_jobs(side: Side) -> list[str]:
    with connect(f"unix:{side.server.socket}") as client:
        return [job.name for job in client.jobs()]


def _run(side: Side) -> object:
    launched = launch(side, "c")
    launched.wait_until_finished()
    return launched.story()


def _server_id_stays(side: Side) -> object:
    before = side.client.get_server_id()
    calls.repository().make(side)
    return {"same": side.client.get_server_id() == before}


@table(
    [
        Case("whole", calls.repository(), expect="op_c"),
        Case("deferred", calls.repository(defer_snapshots=True), expect='"sensor_c"'),
        Case("whole", calls.repository_stream(), expect="op_c"),
        Case("deferred", calls.repository_stream(defer_snapshots=True), expect='"sensor_c"'),
        Case("added", calls.job("c"), expect="op_c"),
        Case("taken away", calls.job("b"), expect="error"),
        Case("added", calls.plan("c"), expect="op_c"),
        Case("taken away", calls.plan("b"), expect="error"),
        Case("added", calls.subset("c", ops=["op_c"]), expect="op_c"),
        Case("added", calls.sensor("sensor_c"), expect='"run_key": "c"'),
        Case("taken away", calls.sensor("sensor_b"), expect="error"),
        Case("added", Call("StartRun", _run), expect="PIPELINE_SUCCESS"),
        Case("server id", Call("GetServerId", _server_id_stays), expect='"same": true'),
    ]
)
def test_same_answer(case: Case, pair: Pair) -> None:
    check(case, pair)


@pytest.mark.skipif(STOCK_AGAINST_STOCK, reason="stock has no typed API")
def test_the_typed_api_tells_the_same(pair: Pair) -> None:
    assert _typed_jobs(pair.ours) == ["a", "c"]
