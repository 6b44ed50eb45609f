"""Pages of lists, their tokens, and the filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from codeserver.api import v1
from codeserver.errors import InvalidRequest
from codeserver.front.typed_api import filters, paging

JOBS = [v1.Job(name=f"job_{number:02}", repository="r") for number in range(17)]


def key(job: v1.Job) -> Sequence[str]:
    return (job.repository, job.name)


def every_page(jobs: list[v1.Job], **fields: Any) -> list[list[str]]:
    pages, token = [], ""
    while True:
        request = v1.ListJobsRequest(**fields, page_token=token)
        found, token = paging.page(request, jobs, key, filters.of_jobs(request))
        pages.append([job.name for job in found])
        if not token:
            return pages


@pytest.mark.parametrize("size", range(1, 20))
def test_pages_of_every_size_give_the_same_list(size: int) -> None:
    pages = every_page(JOBS, page_size=size)
    assert [name for page in pages for name in page] == [job.name for job in JOBS]
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_a_page_that_is_exactly_full_is_the_last() -> None:
    assert every_page(JOBS, page_size=17) == [[job.name for job in JOBS]]


def test_there_is_one_empty_page_when_nothing_passes() -> None:
    assert every_page(JOBS, names=["other*"]) == [[]]


def test_large_messages_make_short_pages() -> None:
    jobs = [v1.Job(name=f"job_{number}", description="x" * 900_000) for number in range(5)]
    assert [len(page) for page in every_page(jobs)] == [2, 2, 1]
    huge = [v1.Job(name=f"job_{number}", description="x" * 3_000_000) for number in range(3)]
    assert [len(page) for page in every_page(huge)] == [1, 1, 1]


def test_the_list_goes_on_after_the_last_name_when_it_has_changed() -> None:
    request = v1.ListJobsRequest(page_size=5)
    _, request.page_token = paging.page(request, JOBS, key, filters.of_jobs(request))
    changed = [v1.Job(name="job_00a", repository="r"), *JOBS[6:]]
    found, _ = paging.page(request, changed, key, filters.of_jobs(request))
    assert [job.name for job in found] == [job.name for job in JOBS[6:11]]


def token_of(request: Any) -> str:
    return paging.token(request, ["r", "job_00"])


REFUSED = {
    "negative size": (
        v1.ListJobsRequest(page_size=-1),
        "page_size is not valid: it must be from 1",
    ),
    "large size": (v1.ListJobsRequest(page_size=1001), "page_size is not valid"),
    "no base64": (v1.ListJobsRequest(page_token="%%%"), "page_token is not valid: it is no token"),
    "no ASCII": (v1.ListJobsRequest(page_token="\u20ac"), "it is no token of this server"),
    "no JSON": (v1.ListJobsRequest(page_token="e30"), "it is no token of this server"),
    "other JSON": (v1.ListJobsRequest(page_token="e30="), "it is no token of this server"),
    "other filters": (
        v1.ListJobsRequest(page_token=token_of(v1.ListJobsRequest(tags=["a"]))),
        "it is of another list, or of one with other filters; begin with an empty one.",
    ),
    "another list": (
        v1.ListJobsRequest(page_token=token_of(v1.ListSensorsRequest())),
        "it is of another list",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_pages_are_refused_in_words(case: str) -> None:
    request, words = REFUSED[case]
    with pytest.raises(InvalidRequest, match=words) as refused:
        paging.page(request, JOBS, key, filters.of_jobs(request))
    assert refused.value.details[0]["field"] in ("page_size", "page_token")


def test_the_size_may_be_another_on_each_page() -> None:
    request = v1.ListJobsRequest(page_size=3)
    _, token = paging.page(request, JOBS, key, filters.of_jobs(request))
    request = v1.ListJobsRequest(page_size=100, page_token=token)
    found, token = paging.page(request, JOBS, key, filters.of_jobs(request))
    assert (len(found), token) == (14, "")


ASSET = v1.Asset(
    key="raw/orders",
    repository="r",
    group="sales",
    kinds=["dbt", "python"],
    owners=["team:data"],
    tags={"tier": "1", "empty": ""},
)
ASSET_FILTERS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"keys": ["raw/*"]}, True),
    ({"keys": ["orders"]}, False),
    ({"keys": ["*orders", "x"]}, True),
    ({"keys": ["raw/order[a-z]"]}, True),
    ({"keys": ["RAW/*"]}, False),
    ({"tags": ["tier"]}, True),
    ({"tags": ["tier=1"]}, True),
    ({"tags": ["tier=2"]}, False),
    ({"tags": ["tier=1", "empty="]}, True),
    ({"tags": ["tier", "other"]}, False),
    ({"groups": ["x", "sales"]}, True),
    ({"groups": ["sale"]}, False),
    ({"owners": ["team:data"]}, True),
    ({"owners": ["ada@example.com"]}, False),
    ({"kinds": ["dbt"]}, True),
    ({"kinds": ["spark"]}, False),
    ({"repository": "r"}, True),
    ({"repository": "other"}, False),
    ({"keys": ["raw/*"], "kinds": ["spark"]}, False),
]


@pytest.mark.parametrize(("fields", "passes"), ASSET_FILTERS)
def test_filters_of_assets(fields: dict[str, Any], passes: bool) -> None:
    assert filters.of_assets(v1.ListAssetsRequest(**fields))(ASSET) is passes


OTHERS: list[tuple[Any, Any, bool]] = [
    (v1.ListJobsRequest(), v1.Job(is_implicit=True), False),
    (v1.ListJobsRequest(include_implicit=True), v1.Job(is_implicit=True), True),
    (v1.ListJobsRequest(owners=["a"]), v1.Job(owners=["b", "a"]), True),
    (v1.ListSchedulesRequest(jobs=["j"]), v1.Schedule(name="s", job="j"), True),
    (v1.ListSchedulesRequest(jobs=["j"]), v1.Schedule(name="j", job="k"), False),
    (v1.ListSensorsRequest(jobs=["j"]), v1.Sensor(jobs=["i", "j"]), True),
    (
        v1.ListSensorsRequest(types=[v1.SENSOR_TYPE_ASSET]),
        v1.Sensor(type="SENSOR_TYPE_ASSET"),
        True,
    ),
    (v1.ListSensorsRequest(types=[v1.SENSOR_TYPE_ASSET]), v1.Sensor(), False),
    (v1.ListResourcesRequest(types=["dagster_aws.*"]), v1.Resource(type="dagster_aws.s3.X"), True),
    (v1.ListResourcesRequest(names=["s3"]), v1.Resource(name="s4"), False),
]
MAKERS: dict[Any, Any] = {
    v1.ListJobsRequest: filters.of_jobs,
    v1.ListSchedulesRequest: filters.of_schedules,
    v1.ListSensorsRequest: filters.of_sensors,
    v1.ListResourcesRequest: filters.of_resources,
}


@pytest.mark.parametrize(("request_message", "found", "passes"), OTHERS)
def test_filters_of_other_lists(request_message: Any, found: Any, passes: bool) -> None:
    assert MAKERS[type(request_message)](request_message)(found) is passes


def test_a_tag_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="tags is not valid: one is written as key"):
        filters.of_jobs(v1.ListJobsRequest(tags=["=x"]))


@pytest.mark.parametrize("patterns", [["a*"] * 101, ["a*" * 251]], ids=["many", "long"])
def test_patterns_are_bounded(patterns: list[str]) -> None:
    """Else one request could keep the server from answering all others."""
    with pytest.raises(InvalidRequest, match="names is not valid: at most 100 patterns"):
        filters.of_jobs(v1.ListJobsRequest(names=patterns))
    names = [*map(str, range(5_000)), *["*c*"] * 99, "*a*" * 166]
    matches = filters.of_jobs(v1.ListJobsRequest(names=names))
    passing = [name for name in ("4999", "5000", "xcx", "b") if matches(v1.Job(name=name))]
    assert passing == ["4999", "xcx"]
