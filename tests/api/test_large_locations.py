"""Thousands of assets, asked for by clients with the limits that they have by default."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import grpc
import psutil
import pytest

from codeserver.api import v1
from tests.api.calling import LIMIT, Api, file_of
from tests.api.comparing import load
from tests.api.conftest import Serve

ASSETS = 5_000
CLIENTS_TAKE = 4 * 1024 * 1024
MESSAGE = 1_200_000  # about 1 MiB


@pytest.fixture(scope="module")
def large(serve: Serve) -> Api:
    api = serve("large", env={"LARGE_ASSETS": str(ASSETS)})
    api.loaded()
    return api


def test_others_are_answered_while_it_is_described(large: Api) -> None:
    for _ in range(5):  # until this process, too, had a turn meanwhile
        listing = large.stub.ListAssets.future(v1.ListAssetsRequest(), timeout=LIMIT)
        answers = 0
        while not listing.done():
            assert large.location.state == v1.Location.STATE_READY
            answers += 1

        assert listing.result().assets
        if answers > 1:
            return
        large.call("ReloadLocation")  # and then it is described anew
    raise AssertionError("nothing was answered meanwhile")


def keys() -> list[str]:
    return sorted(f"large/layer_{number // 100}/asset_{number}" for number in range(ASSETS))


def test_every_page_is_taken(large: Api) -> None:
    pages = list(large.pages("ListAssets", page_size=1000))

    assert [asset.key for page in pages for asset in page.assets] == keys()
    assert max(page.ByteSize() for page in pages) < CLIENTS_TAKE


def test_the_graph_comes_in_messages_that_are_taken(large: Api) -> None:
    messages = large.call("GetAssetGraph")

    assert max(message.ByteSize() for message in messages) < MESSAGE
    assert [asset.key for message in messages for asset in message.assets] == keys()
    edges = [(edge.from_key, edge.to_key) for m in messages for edge in m.edges]
    assert len(set(edges)) == len(edges) == 3 * (ASSETS - 100)
    assert {message.generation for message in messages} == {large.location.generation}


def test_a_selection_of_many(large: Api) -> None:
    messages = large.call("GetAssetGraph", selection='+key:"large/layer_3/asset_307"')

    found = [asset.key for message in messages for asset in message.assets]
    assert len(found) > 3
    assert "large/layer_3/asset_307" in found


@pytest.fixture
def unlimited(large: Api) -> Iterator[Api]:
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"unix:{large.server.socket}", options=options) as channel:
        yield Api(large.server, channel)


def test_a_job_of_thousands_of_ops(large: Api, unlimited: Api) -> None:
    reply = unlimited.call("GetJob", name="__ASSET_JOB")

    assert len(reply.graph.nodes) == ASSETS
    assert len(reply.graph.edges) == 3 * (ASSETS - 100)
    assert unlimited.call("GetExecutionPlan", job="job_4").plan.width == 100
    if reply.ByteSize() > CLIENTS_TAKE:
        # As the proto says: such a client must raise its limit.
        failure = large.failure("GetJob", name="__ASSET_JOB")
        assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_graph_that_is_asked_for_again_is_there_at_once(large: Api) -> None:
    first = large.call("GetAssetGraph")
    with stopped_workers(large):
        assert large.call("GetAssetGraph") == first


@contextlib.contextmanager
def stopped_workers(api: Api) -> Iterator[None]:
    """No process but the front does anything."""
    workers = psutil.Process(api.server.process.pid).children(recursive=True)
    assert workers
    for worker in workers:
        with contextlib.suppress(psutil.NoSuchProcess):  # an evaluator that has just ended
            worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.resume()


def test_how_many_are_defined_is_told(large: Api) -> None:
    assert large.location.counts == v1.Counts(jobs=5, assets=ASSETS)


def test_dagster_has_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The definitions are what the other tests think they are."""
    monkeypatch.setenv("LARGE_ASSETS", "500")
    module = load(file_of("large"), "tests_api_large")

    graph = module.defs.get_repository_def().asset_graph
    assert len(graph.get_all_asset_keys()) == 500
    assert sum(len(graph.get(key).parent_keys) for key in graph.get_all_asset_keys()) == 3 * 400
