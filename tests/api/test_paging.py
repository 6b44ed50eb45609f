"""Pages: every size gives the same list, and a token is good for its own list only."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest

from tests.api.calling import Api
from tests.api.conftest import Serve

Code = grpc.StatusCode

LISTS = ["jobs", "assets", "schedules", "sensors"]


@pytest.fixture(scope="module")
def assets(serve: Serve) -> Api:
    return serve("assets")


def rpc_of(kind: str) -> str:
    return f"List{kind.capitalize()}"


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 199, 1000, 0])
def test_every_page_size_gives_the_same_list(assets: Api, kind: str, size: int) -> None:
    (whole,) = assets.pages(rpc_of(kind))

    pages = list(assets.pages(rpc_of(kind), page_size=size))

    found = [each for page in pages for each in getattr(page, kind)]
    assert found == list(getattr(whole, kind))
    assert all(len(getattr(page, kind)) <= (size or 200) for page in pages)
    # A page that is full says that there is more only when there is.
    assert all(len(getattr(page, kind)) > 0 for page in pages)
    assert {page.generation for page in pages} == {1}


def test_filters_go_with_paging(assets: Api) -> None:
    pages = list(assets.pages("ListJobs", names=["small_*"], page_size=5))

    assert [len(page.jobs) for page in pages] == [5, 5, 2]


@pytest.mark.parametrize("kind", [*LISTS, "resources"])
@pytest.mark.parametrize("size", [-1, 1001, -(2**31), 2**31 - 1])
def test_a_page_size_out_of_range_is_refused(assets: Api, kind: str, size: int) -> None:
    failure = assets.failure(rpc_of(kind), page_size=size)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "1000" in failure.message
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["page_size"]


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not a token ✓",
        encoded("x"),
        encoded("[]"),
        encoded("{}"),
        encoded("null"),
        encoded('["a"]'),
        encoded('["a", "b", "c"]'),
        encoded('["a", ["__repository__", "x"]]'),
        encoded("[" * 100_000),
        encoded('"ab"'),
        "A" * 100_000,
    ],
    ids=lambda token: token[:20],
)
@pytest.mark.parametrize("kind", [*LISTS, "resources"])
def test_what_is_no_token_is_refused(assets: Api, kind: str, token: str) -> None:
    failure = assets.failure(rpc_of(kind), page_token=token)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "begin with an empty one" in failure.message
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["page_token"]


PARTITIONS = {"asset": "per_day"}


@pytest.mark.parametrize(
    ("rpc", "fields", "position"),
    [
        *(("ListJobs", {}, it) for it in (5, None, "text", {}, [], [1, 2], ["a", ["b"]], True)),
        *(("ListPartitions", PARTITIONS, it) for it in (None, "text", {}, [], [1, 2], True, -1)),
    ],
    ids=str,
)
def test_a_token_that_was_tampered_with_is_refused(
    assets: Api, rpc: str, fields: dict[str, Any], position: Any
) -> None:
    token = assets.call(rpc, page_size=1, **fields).next_page_token
    fingerprint, _ = json.loads(base64.urlsafe_b64decode(token))
    forged = encoded(json.dumps([fingerprint, position]))

    failure = assets.failure(rpc, page_token=forged, **fields)

    assert failure.code is Code.INVALID_ARGUMENT
    assert [each.field for each in failure.only(BadRequest).field_violations] == ["page_token"]


@pytest.mark.parametrize(
    ("rpc", "other"),
    [
        ("ListAssets", {}),
        ("ListSchedules", {}),
        ("ListJobs", {"names": ["small_*"]}),
        ("ListJobs", {"include_implicit": True}),
        ("ListJobs", {"repository": "__repository__"}),
    ],
    ids=str,
)
def test_a_token_of_another_list_is_refused(assets: Api, rpc: str, other: dict[str, Any]) -> None:
    token = assets.call("ListJobs", page_size=1).next_page_token

    failure = assets.failure(rpc, page_token=token, **other)

    assert failure.code is Code.INVALID_ARGUMENT
    assert "another list" in failure.message


def test_the_page_size_may_change_on_the_way(assets: Api) -> None:
    first = assets.call("ListJobs", page_size=1)

    rest = assets.call("ListJobs", page_token=first.next_page_token)

    assert [*first.jobs, *rest.jobs] == list(assets.call("ListJobs").jobs)


def test_a_page_may_be_asked_for_again(assets: Api) -> None:
    token = assets.call("ListJobs", page_size=2).next_page_token

    pages = [assets.call("ListJobs", page_size=2, page_token=token) for _ in range(2)]

    assert pages[0] == pages[1]


def test_a_token_outlives_a_reload(serve: Serve) -> None:
    api: Api = serve("several")  # nobody else here reloads it
    first = api.call("ListJobs", page_size=2)

    api.call("ReloadLocation")
    rest = api.call("ListJobs", page_size=2, page_token=first.next_page_token)

    assert rest.generation == first.generation + 1
    names = [(job.repository, job.name) for job in (*first.jobs, *rest.jobs)]
    assert names == [
        ("first", "only_first"),
        ("first", "shared"),
        ("second", "only_second"),
        ("second", "shared"),
    ]
