"""GetAssetGraph: selections and edges, beside Dagster's own."""

from __future__ import annotations

from typing import Any

import dagster as dg
import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.comparing import repository_of
from tests.api.conftest import Serve

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def assets(serve: Serve) -> Api:
    return serve("assets")


def graph_of(api: Api, **fields: Any) -> tuple[list[v1.Asset], list[tuple[str, str]]]:
    messages = api.call("GetAssetGraph", **fields)
    assert {message.generation for message in messages} == {1}
    found = [asset for message in messages for asset in message.assets]
    edges = [(edge.from_key, edge.to_key) for message in messages for edge in message.edges]
    assert len(edges) == len(set(edges))
    return found, edges


def keys_of(api: Api, **fields: Any) -> list[str]:
    return [asset.key for asset in graph_of(api, **fields)[0]]


def test_the_whole_graph_is_that_of_dagster(assets: Api) -> None:
    found, edges = graph_of(assets)

    graph = repository_of("assets").asset_graph
    assert [asset.key for asset in found] == sorted(
        key.to_user_string() for key in graph.get_all_asset_keys()
    )
    assert sorted(edges) == sorted(
        (parent.to_user_string(), key.to_user_string())
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
    )


def test_its_assets_are_those_of_the_list(assets: Api) -> None:
    assert graph_of(assets)[0] == list(assets.call("ListAssets").assets)


@pytest.mark.parametrize(
    "selection",
    [
        'key:"sales/orders"',
        '+key:"sales/orders"',
        'key:"sales/orders"+',
        '+key:"report"+',
        '1+key:"refined"',
        'key:"per_hour"+2',
        'key:"sales/orders" or key:"left"',
        "group:sales",
        "kind:dbt and not tag:old",
        'group:"sales" or group:"halves"',
        "tag:tier=gold",
        'owner:"team:sales"',
        "not group:sales",
        "roots(group:halves)",
        "sinks(*)",
        "*",
        'key:"per_*"',
        'key:"from outside/ein Größenmaß"',
        "group:nothing_has_this_group",
    ],
)
def test_a_selection_is_what_dagster_makes_of_it(assets: Api, selection: str) -> None:
    graph = repository_of("assets").asset_graph

    found, edges = graph_of(assets, selection=selection)

    chosen = dg.AssetSelection.from_string(selection, include_sources=True).resolve(graph)
    assert [asset.key for asset in found] == sorted(key.to_user_string() for key in chosen)
    assert sorted(edges) == sorted(
        (parent.to_user_string(), key.to_user_string())
        for key in chosen
        for parent in graph.get(key).parent_keys & chosen
    )


@pytest.mark.parametrize("key", ["left", "sales/orders", "from outside/ein Größenmaß"])
def test_a_plain_key_is_taken(assets: Api, key: str) -> None:
    assert keys_of(assets, selection=key) == [key]


@pytest.mark.parametrize("selection", ["", "   ", "\n"])
def test_an_empty_selection_is_everything(assets: Api, selection: str) -> None:
    assert len(keys_of(assets, selection=selection)) == 14


@pytest.mark.parametrize(
    "selection",
    ["group:", '+key:"a" and', "key:", "((left)", "kind:(", 'unknown:"x"', "left and", '"'],
)
def test_what_is_no_selection_is_refused(assets: Api, selection: str) -> None:
    failure = assets.failure("GetAssetGraph", selection=selection)

    assert failure.code is Code.INVALID_ARGUMENT, failure
    assert "\n" not in failure.message
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["selection"]


@pytest.mark.parametrize(
    ("selection", "says"),
    [("sales/order", 'did you mean "sales/orders"?'), ("nothing_like_it", "nothing_like_it")],
)
def test_a_plain_key_that_is_not_there_is_not_found(assets: Api, selection: str, says: str) -> None:
    failure = assets.failure("GetAssetGraph", selection=selection)

    assert failure.code is Code.NOT_FOUND
    assert says in failure.message
    info = failure.only(ResourceInfo)
    assert (info.resource_type, info.resource_name) == ("asset", selection)


# Several repositories


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("first", "table"), ("second", "chart"), ("second", "table")]),
        ({"repository": "first"}, [("first", "table")]),
        ({"repository": "second"}, [("second", "chart"), ("second", "table")]),
        (
            {"repository": "second", "selection": 'key:"table"+'},
            [("second", "chart"), ("second", "table")],
        ),
        ({"repository": "first", "selection": "table"}, [("first", "table")]),
    ],
    ids=str,
)
def test_of_several_repositories(
    serve: Serve, fields: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found, edges = graph_of(serve("several"), **fields)

    assert [(asset.repository, asset.key) for asset in found] == expected
    assert edges == ([("table", "chart")] if ("second", "chart") in expected else [])


def test_a_selection_in_several_repositories_needs_the_repository(serve: Serve) -> None:
    failure = serve("several").failure("GetAssetGraph", selection='key:"table"')

    assert failure.code is Code.INVALID_ARGUMENT
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["repository"]


def test_an_unknown_repository_is_not_found(serve: Serve) -> None:
    failure = serve("several").failure("GetAssetGraph", repository="frist")

    assert failure.code is Code.NOT_FOUND
    assert 'did you mean "first"?' in failure.message


def test_an_empty_location_has_an_empty_graph(serve: Serve) -> None:
    (message,) = serve("empty").call("GetAssetGraph")

    assert message == v1.GetAssetGraphResponse(generation=1)
