"""One server of several locations: each call is about the one that it names."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

from codeserver.api import v1
from codeserver.api.v1 import code_location_pb2
from tests.api.calling import Api
from tests.api.watching import Watch
from tests.support.several_locations import serve_only, several_locations

CODE = """import dagster as dg

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["{name}"]))
def {name}_asset(): ...

@dg.op
def {name}_op(): ...

@dg.job
def {name}_job():
    {name}_op()

@dg.schedule(job={name}_job, cron_schedule="@daily")
def {name}_schedule(): ...

@dg.sensor(job={name}_job)
def {name}_sensor(): ...

defs = dg.Definitions(
    assets=[{name}_asset],
    jobs=[{name}_job],
    schedules=[{name}_schedule],
    sensors=[{name}_sensor],
    resources={{"{name}_resource": "x"}},
)
"""
BROKEN = 'raise RuntimeError("no such fruit")\n'

Begin = Callable[..., Api]


@pytest.fixture(scope="module")
def begin(home: Path) -> Iterator[Begin]:
    """Starts a server of locations of these names; `broken` does not load."""
    with contextlib.ExitStack() as stack:

        def begin(*names: str) -> Api:
            folder = home / "-".join(names)
            folder.mkdir()
            files = {name: folder / f"{name}.py" for name in names}
            for name, file in files.items():
                file.write_text(BROKEN if name == "broken" else CODE.format(name=name))
            server = stack.enter_context(several_locations(files, folder / "s", home))
            channel = stack.enter_context(grpc.insecure_channel(f"unix:{folder}/s"))
            api = Api(server, channel)
            for name in names:
                with Watch(api, name) as stream:
                    stream.until(lambda location: location.state != v1.Location.STATE_LOADING)
            return api

        yield begin


@pytest.fixture(scope="module")
def api(begin: Begin) -> Api:
    return begin("sales", "finance", "broken")


def test_all_are_listed_in_order_with_how_they_are_reached(api: Api) -> None:
    locations = api.call("ListLocations").locations

    assert [each.name for each in locations] == ["sales", "finance", "broken"]
    sales, finance, broken = locations
    assert (sales.counts.jobs, finance.state) == (1, v1.Location.STATE_READY)
    assert (broken.state, broken.load_error.type) == (
        v1.Location.STATE_FAILED,
        "RuntimeError",
    )
    folder = api.server.socket.parent
    assert list(sales.addresses) == [f"unix:{folder}/sales.sock"]
    assert list(sales.hosts) == ["sales-service", "sales"]
    assert sales.executable_path == sys.executable
    assert [api.call("GetLocation", location=each.name).location for each in locations] == list(
        locations
    )


ABOUT: list[tuple[str, dict[str, Any], Callable[[Any], Any], str]] = [
    ("GetLocation", {}, lambda reply: reply.location.name, "{name}"),
    ("ReloadLocation", {}, lambda reply: reply.location.name, "{name}"),
    ("ListJobs", {}, lambda reply: reply.jobs[0].name, "{name}_job"),
    ("ListAssets", {}, lambda reply: reply.assets[0].key, "{name}_asset"),
    ("ListSchedules", {}, lambda reply: reply.schedules[0].name, "{name}_schedule"),
    ("ListSensors", {}, lambda reply: reply.sensors[0].name, "{name}_sensor"),
    ("ListResources", {}, lambda reply: reply.resources[0].name, "{name}_resource"),
    ("GetJob", {"name": "{name}_job"}, lambda reply: reply.job.name, "{name}_job"),
    ("GetAssetGraph", {}, lambda reply: reply[0].assets[0].key, "{name}_asset"),
    ("GetExecutionPlan", {"job": "{name}_job"}, lambda reply: reply.plan.job, "{name}_job"),
    ("GetRunConfigSchema", {"job": "{name}_job"}, lambda reply: reply.is_required, "False"),
    ("ListPartitions", {"asset": "{name}_asset"}, lambda reply: reply.keys[0], "{name}"),
]


@pytest.mark.parametrize("name", ["sales", "finance"])
@pytest.mark.parametrize("about", ABOUT, ids=[each[0] for each in ABOUT])
def test_a_call_is_about_the_location_that_it_names(
    api: Api, about: tuple[str, dict[str, str], Callable[[Any], Any], str], name: str
) -> None:
    rpc, fields, of, expect = about
    filled = {key: value.format(name=name) for key, value in fields.items()}

    assert str(of(api.call(rpc, **filled, location=name))) == expect.format(name=name)


SERVICE = code_location_pb2.DESCRIPTOR.services_by_name["CodeLocationService"]
RPCS = [each.name for each in SERVICE.methods]
NAMING = [rpc for rpc in RPCS if rpc != "ListLocations"]


def test_every_call_is_tried_here() -> None:
    assert {*NAMING} == {*(each[0] for each in ABOUT), "WatchLocation"}


@pytest.mark.parametrize("rpc", NAMING)
def test_a_call_without_a_name(api: Api, rpc: str) -> None:
    failure = api.failure(rpc)

    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.message == (
        'This server has 3 locations; name one of them (--location): "sales", "finance", "broken".'
    )
    (violation,) = failure.only(BadRequest).field_violations
    assert violation.field == "location"


@pytest.mark.parametrize("rpc", NAMING)
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("salse", 'did you mean "sales"?'),
        ("ops", 'there is "sales", "finance", "broken".'),
        ("x" * 1000, 'there is "sales", "finance", "broken".'),
    ],
    ids=["near", "far", "long"],
)
def test_a_name_that_no_location_has(api: Api, rpc: str, name: str, hint: str) -> None:
    failure = api.failure(rpc, location=name)

    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.message == f'There is no location "{name[:200]}"; {hint}'
    found = failure.only(ResourceInfo)
    assert (found.resource_type, found.resource_name) == ("location", name[:200])


def test_a_page_of_one_location_does_not_continue_in_another(api: Api) -> None:
    page = api.call("ListJobs", location="sales", page_size=1, include_implicit=True)
    assert page.next_page_token

    failure = api.failure(
        "ListJobs",
        location="finance",
        page_size=1,
        include_implicit=True,
        page_token=page.next_page_token,
    )

    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT


def test_locations_are_removed_until_one_is_left(begin: Begin) -> None:
    api = begin("one", "two")
    with Watch(api, "one") as of_one, Watch(api, "two") as of_two:
        of_one.next()
        of_two.next()
        serve_only(api.server, {"one": api.server.socket.parent / "one.py"})

        assert of_two.rest() == grpc.StatusCode.OK
        assert of_two.states[-1] == "DRAINING"
        assert not of_one.stream.done()
    assert api.failure("GetLocation", location="two").message == (
        'There is no location "two"; there is "one".'
    )
    # The only one needs no name.
    assert api.call("GetLocation").location == api.call("GetLocation", location="one").location
    assert [each.name for each in api.call("ListLocations").locations] == ["one"]
