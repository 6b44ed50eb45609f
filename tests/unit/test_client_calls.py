"""Each method of the two clients: what it asks, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from google.protobuf.message import Message

from codeserver.api import v1
from codeserver.client import AssetGraph, AsyncClient, connect
from tests.unit.client_peers import Ask, TypedApi, each_client, typed_api
from tests.unit.waiting import DEADLINE, others_have_ended

NAMES = {"names": ["a*", "b"], "tags": ["k=v"], "owners": ["team:x"]}
LOCATION = v1.Location(name="here", state=v1.Location.STATE_READY)
PLAN = v1.ExecutionPlan(job="j", steps=[v1.Step(key="s")])
ASSET, OTHER, EDGE = v1.Asset(key="a"), v1.Asset(key="b"), v1.AssetEdge(from_key="a", to_key="b")


class Call(NamedTuple):
    ask: Ask
    rpc: str
    requests: list[Message]
    replies: list[Message]
    result: Any


CALLS: list[tuple[Ask, str, list[Message], list[Message], Any]] = [
    (
        lambda c: c.location(),
        "GetLocation",
        [v1.GetLocationRequest()],
        [v1.GetLocationResponse(location=LOCATION)],
        LOCATION,
    ),
    (
        lambda c: c.locations(),
        "ListLocations",
        [v1.ListLocationsRequest()],
        [v1.ListLocationsResponse(locations=[LOCATION, v1.Location(name="there")])],
        [LOCATION, v1.Location(name="there")],
    ),
    (
        lambda c: c.reload(),
        "ReloadLocation",
        [v1.ReloadLocationRequest()],
        [v1.ReloadLocationResponse(location=LOCATION)],
        v1.ReloadLocationResponse(location=LOCATION),
    ),
    (
        lambda c: c.jobs(**NAMES, repository="r", include_implicit=True),
        "ListJobs",
        [
            v1.ListJobsRequest(
                page_size=1000, page_token=token, repository="r", include_implicit=True, **NAMES
            )
            for token in ("", "next")
        ],
        [
            v1.ListJobsResponse(jobs=[v1.Job(name="a")], next_page_token="next"),
            v1.ListJobsResponse(jobs=[v1.Job(name="b"), v1.Job(name="c")]),
        ],
        [v1.Job(name="a"), v1.Job(name="b"), v1.Job(name="c")],
    ),
    (
        lambda c: c.jobs("one_name", owners="team:x"),
        "ListJobs",
        [v1.ListJobsRequest(page_size=1000, names=["one_name"], owners=["team:x"])],
        [v1.ListJobsResponse()],
        [],
    ),
    (
        lambda c: c.assets(
            ["raw/*"], tags=["t"], groups=["g"], owners=["o"], kinds=["dbt"], repository="r"
        ),
        "ListAssets",
        [
            v1.ListAssetsRequest(
                page_size=1000,
                keys=["raw/*"],
                tags=["t"],
                groups=["g"],
                owners=["o"],
                kinds=["dbt"],
                repository="r",
            )
        ],
        [v1.ListAssetsResponse(assets=[ASSET])],
        [ASSET],
    ),
    (
        lambda c: c.schedules(**NAMES, jobs=["j"], repository="r"),
        "ListSchedules",
        [v1.ListSchedulesRequest(page_size=1000, repository="r", jobs=["j"], **NAMES)],
        [v1.ListSchedulesResponse(schedules=[v1.Schedule(name="s")])],
        [v1.Schedule(name="s")],
    ),
    (
        lambda c: c.sensors(
            **NAMES, jobs=["j"], types=[v1.SENSOR_TYPE_ASSET, "SENSOR_TYPE_RUN_STATUS"]
        ),
        "ListSensors",
        [
            v1.ListSensorsRequest(
                page_size=1000,
                jobs=["j"],
                types=[v1.SENSOR_TYPE_ASSET, v1.SENSOR_TYPE_RUN_STATUS],
                **NAMES,
            )
        ],
        [v1.ListSensorsResponse(sensors=[v1.Sensor(name="s")])],
        [v1.Sensor(name="s")],
    ),
    (
        lambda c: c.resources(["n"], types=["x.*"], repository="r"),
        "ListResources",
        [v1.ListResourcesRequest(page_size=1000, names=["n"], types=["x.*"], repository="r")],
        [v1.ListResourcesResponse(resources=[v1.Resource(name="n")])],
        [v1.Resource(name="n")],
    ),
    (
        lambda c: c.job("j", repository="r", op_selection="a+"),
        "GetJob",
        [v1.GetJobRequest(name="j", repository="r", op_selection=["a+"])],
        [v1.GetJobResponse(job=v1.Job(name="j"))],
        v1.GetJobResponse(job=v1.Job(name="j")),
    ),
    (
        lambda c: c.asset_graph("group:g", repository="r"),
        "GetAssetGraph",
        [v1.GetAssetGraphRequest(selection="group:g", repository="r")],
        [
            v1.GetAssetGraphResponse(assets=[ASSET], generation=7),
            v1.GetAssetGraphResponse(assets=[OTHER], edges=[EDGE], generation=7),
        ],
        AssetGraph([ASSET, OTHER], [EDGE], 7),
    ),
    (
        lambda c: c.plan(
            "j",
            run_config={"ops": {"a": {"config": 1}}},
            partition_key="p",
            op_selection=["a"],
            asset_selection=["k"],
            repository="r",
        ),
        "GetExecutionPlan",
        [
            v1.GetExecutionPlanRequest(
                job="j",
                run_config='{"ops": {"a": {"config": 1}}}',
                partition_key="p",
                op_selection=["a"],
                asset_selection=["k"],
                repository="r",
            )
        ],
        [v1.GetExecutionPlanResponse(plan=PLAN)],
        PLAN,
    ),
    (
        lambda c: c.plan("j", run_config="ops: {}"),
        "GetExecutionPlan",
        [v1.GetExecutionPlanRequest(job="j", run_config="ops: {}")],
        [v1.GetExecutionPlanResponse(plan=PLAN)],
        PLAN,
    ),
    (
        lambda c: c.run_config_schema("j", repository="r", op_selection=["a"]),
        "GetRunConfigSchema",
        [v1.GetRunConfigSchemaRequest(job="j", repository="r", op_selection=["a"])],
        [v1.GetRunConfigSchemaResponse(default_yaml="x: 1")],
        v1.GetRunConfigSchemaResponse(default_yaml="x: 1"),
    ),
    (
        lambda c: c.partitions(asset="k", repository="r", reverse=True),
        "ListPartitions",
        [
            v1.ListPartitionsRequest(
                asset="k", repository="r", reverse=True, page_size=10_000, page_token=token
            )
            for token in ("", "2")
        ],
        [
            v1.ListPartitionsResponse(keys=["a", "b"], next_page_token="2"),
            v1.ListPartitionsResponse(keys=["c"]),
        ],
        ["a", "b", "c"],
    ),
    (
        lambda c: c.partitions_page(job="j", page_size=1, page_token="x"),
        "ListPartitions",
        [v1.ListPartitionsRequest(job="j", page_size=1, page_token="x")],
        [v1.ListPartitionsResponse(keys=["a"], total_count=9)],
        v1.ListPartitionsResponse(keys=["a"], total_count=9),
    ),
]
each_call = pytest.mark.parametrize(
    "call",
    [Call(*call) for call in CALLS],
    ids=[f"{number}-{call[1]}" for number, call in enumerate(CALLS)],
)


@pytest.fixture
def api() -> Iterator[TypedApi]:
    with typed_api() as found:
        yield found


@each_client
@each_call
async def test_call(api: TypedApi, call: Call, answer: Any) -> None:
    api.replies[call.rpc] = list(call.replies)

    assert await answer(api.address, call.ask) == call.result

    assert api.requests == call.requests


@each_client
@each_call
async def test_call_about_a_named_location(api: TypedApi, call: Call, answer: Any) -> None:
    api.replies[call.rpc] = list(call.replies)

    assert await answer(api.address, call.ask, location="sales") == call.result

    about = [getattr(request, "location", None) for request in api.requests]
    assert about == [None if call.rpc == "ListLocations" else "sales"] * len(call.requests)


@each_client
async def test_watching_a_named_location(api: TypedApi, answer: Any) -> None:
    api.replies["WatchLocation"] = [v1.WatchLocationResponse(location=LOCATION)]

    await answer(api.address, lambda client: client.watch(), most=1, location="sales")

    assert api.requests == [v1.WatchLocationRequest(location="sales")]
    await asyncio.to_thread(api.ended.wait, DEADLINE)
    await others_have_ended()  # gRPC's own


def test_every_method_is_called_here() -> None:
    methods = [
        name
        for name, value in vars(AsyncClient).items()
        if inspect.isfunction(value) and not name.startswith("_")
    ]
    assert len(methods) == len({rpc for _, rpc, *_ in CALLS}) + 3  # watch, page, close


@pytest.mark.parametrize(
    ("of_client", "of_call", "expected"),
    [(60.0, None, 60), (60.0, 600.0, 600), (None, None, None), (60.0, math.inf, None)],
)
def test_timeouts(
    api: TypedApi, of_client: float | None, of_call: float | None, expected: float | None
) -> None:
    api.replies["GetLocation"] = [v1.GetLocationResponse()]

    with connect(api.address, timeout=of_client) as client:
        client.location(timeout=of_call)

    (left,) = api.timeouts
    if expected is None:
        assert left is None or left > 1e6
    else:
        assert left is not None
        assert expected - 50 < left < expected + 1  # gRPC rounds it


@each_client
async def test_watching_goes_on_until_it_is_closed(api: TypedApi, answer: Any) -> None:
    now = v1.WatchLocationResponse(location=LOCATION)
    api.replies["WatchLocation"] = [now] * 2

    assert await answer(api.address, lambda client: client.watch(), most=2) == [now, now]

    assert await asyncio.to_thread(api.ended.wait, DEADLINE), (
        "the server was not told that nobody watches any more"
    )
    assert api.timeouts[0] is None or api.timeouts[0] > 1e6
    await others_have_ended()  # gRPC's own


def test_messages_may_be_large(api: TypedApi) -> None:
    job = v1.Job(name="j", description="x" * 5_000_000)
    api.replies["GetJob"] = [v1.GetJobResponse(job=job)]

    with connect(api.address) as client:
        assert client.job("j").job == job


def test_what_is_newer_than_this_client(api: TypedApi) -> None:
    """A field and an enum value that it does not know."""
    newer = LOCATION.SerializeToString() + b"\xf8\x3f\x01"  # field 1023
    api.replies["GetLocation"] = [
        v1.GetLocationResponse(location=v1.Location.FromString(newer + b"\x18\x63"))
    ]

    with connect(api.address) as client:
        location = client.location()

    assert location.name == "here"
    assert location.state == 99


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda c: c.partitions_page(), "one of them"),
        (lambda c: c.partitions_page(job="j", asset="a"), "one of them"),
        (lambda c: c.plan("j", run_config={"a": object()}), "run_config cannot be sent as JSON"),
    ],
)
def test_arguments_that_are_no_request(api: TypedApi, ask: Ask, says: str) -> None:
    with connect(api.address) as client, pytest.raises(TypeError, match=says):
        ask(client)

    assert not api.requests


def test_the_channel_is_for_other_services(api: TypedApi) -> None:
    api.replies["GetLocation"] = [v1.GetLocationResponse(location=LOCATION)]

    with connect(api.address) as client:
        from codeserver.api.v1.code_location_pb2_grpc import CodeLocationServiceStub

        reply = CodeLocationServiceStub(client.channel).GetLocation(v1.GetLocationRequest())

    assert reply.location == LOCATION
