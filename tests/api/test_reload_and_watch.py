"""ReloadLocation and WatchLocation: edits, mistakes, repairs, shutdown."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from codeserver.api import v1
from tests.api.calling import LIMIT, Api, failure_of
from tests.api.conftest import Serve
from tests.api.watching import Watch, changes_of
from tests.support.eventually import eventually

Code = grpc.StatusCode
Location = v1.Location

CODE = """
import dagster as dg

@dg.op
def hello(): ...

@dg.job(description="{text}")
def greeting():
    hello()

@dg.job
def other():
    hello()

@dg.asset
def table() -> None: ...

{more}
defs = dg.Definitions(assets=[table], jobs=[{jobs}])
"""
FIRST = CODE.format(text="first", more="", jobs="greeting, other")
SECOND = CODE.format(
    text="second",
    more="@dg.asset_check(asset=table)\ndef full():\n    return dg.AssetCheckResult(passed=True)\n",
    jobs="greeting",
).replace("jobs=", "asset_checks=[full], jobs=")
BROKEN = FIRST + "\nraise RuntimeError('a mistake')\n"
WAIT = "import time, pathlib\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.02)\n"
"""What has code wait for a file to be there."""
CHANGES = ["+check table:full", "~job greeting", "-job other"]
REVERSED = ["+job other", "~job greeting", "-check table:full"]


@pytest.fixture
def file(short_tmp: Path) -> Path:
    path = short_tmp / "served.py"
    path.write_text(FIRST)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reloaded")


@pytest.fixture(params=["keep"])
def shared(serve: Serve, folder: Path, request: pytest.FixtureRequest) -> tuple[Api, Path]:
    """A server of the first edition and its file, whatever earlier tests did."""
    file = folder / f"{request.param}.py"
    file.write_text(FIRST)
    # Each state is large, so that they do not all fit into what a connection holds (4 MiB).
    name = "n" * (125_000 if request.param == "surface" else 1)
    api = serve(file, "--on-reload-error", request.param, "--location-name", name)
    api.call("ReloadLocation")
    return api, file


SURFACED = pytest.mark.parametrize("shared", ["surface"], indirect=True)


def significant(message: object) -> list[str]:
    """Changes, without those of what contains or runs the thing that changed."""
    return [change for change in changes_of(message) if "__ASSET_JOB" not in change]


def normal(changes: list[str]) -> list[str]:
    """Checks may be named with their asset in one way or another."""
    return [change.replace("table/full", "table:full") for change in changes]


# ReloadLocation


def test_reloads(shared: tuple[Api, Path]) -> None:
    api, file = shared
    before = api.call("ReloadLocation")
    assert not before.changes  # nothing has changed

    file.write_text(SECOND)
    second = api.call("ReloadLocation")

    assert second.location.state == Location.STATE_READY
    assert second.location.generation == before.location.generation + 1
    assert second.location.loads == before.location.loads + 1
    assert second.location.server_id != before.location.server_id
    assert normal([c for c in significant(second) if "asset table" not in c]) == CHANGES
    assert [job.description for job in api.call("ListJobs").jobs] == ["second"]

    file.write_text(BROKEN)
    failure = api.failure("ReloadLocation")

    assert failure.code is Code.FAILED_PRECONDITION
    assert "a mistake" in failure.message
    assert "served on" in failure.message
    error = failure.only(v1.LoadError)
    assert (error.type, error.message) == ("RuntimeError", "a mistake")
    frame = error.frames[-1]
    assert frame.file == str(file)
    assert frame.line == len(BROKEN.splitlines())
    assert frame.code == "raise RuntimeError('a mistake')"
    location = api.location
    assert location.state == Location.STATE_READY
    assert location.generation == second.location.generation
    failed = second.location.failed_loads + 1
    assert (location.load_error.type, location.failed_loads) == ("RuntimeError", failed)
    assert location.server_id == second.location.server_id
    assert [job.description for job in api.call("ListJobs").jobs] == ["second"]

    file.write_text(FIRST)
    repaired = api.call("ReloadLocation")

    assert normal([c for c in significant(repaired) if "asset table" not in c]) == REVERSED
    assert not repaired.location.HasField("load_error")
    assert [job.name for job in api.call("ListJobs").jobs] == ["greeting", "other"]


def test_what_was_kept_of_older_code_is_forgotten(shared: tuple[Api, Path]) -> None:
    api, file = shared
    before = api.location.generation
    calls = {
        "GetJob": {"name": "greeting"},
        "GetRunConfigSchema": {"job": "greeting"},
        "ListAssets": {},
        "GetExecutionPlan": {"job": "greeting"},
    }
    for rpc, fields in calls.items():
        reply = api.call(rpc, **fields)
        assert rpc == "GetExecutionPlan" or reply.generation == before

    file.write_text(FIRST.replace("def hello(): ...", "def hello(number: int): ..."))
    api.call("ReloadLocation")

    (hello,) = api.call("GetJob", name="greeting").graph.nodes
    assert [each.name for each in hello.inputs] == ["number"]
    assert api.call("GetRunConfigSchema", job="greeting").is_required
    assert api.failure("GetExecutionPlan", job="greeting").code is Code.INVALID_ARGUMENT
    now = {api.call(rpc, **f).generation for rpc, f in calls.items() if "Plan" not in rpc}
    assert now == {before + 1}


def test_reloads_at_the_same_time_share_loads(shared: tuple[Api, Path]) -> None:
    api, file = shared
    loads = api.location.loads
    gate = file.with_name("gate")
    file.write_text(WAIT.format(str(gate)) + SECOND)

    request = v1.ReloadLocationRequest()
    calls = [api.stub.ReloadLocation.future(request, timeout=LIMIT) for _ in range(10)]
    assert api.location.loads == loads  # what was asked for before this has come before it, too
    gate.touch()

    replies = [call.result() for call in calls]
    assert {reply.location.state for reply in replies} <= {
        Location.STATE_READY,
        Location.STATE_RELOADING,
    }
    assert api.location.loads <= loads + 3
    assert [job.description for job in api.call("ListJobs").jobs] == ["second"]


@SURFACED
def test_a_failed_reload_that_is_surfaced(shared: tuple[Api, Path]) -> None:
    api, file = shared
    file.write_text(BROKEN)

    failure = api.failure("ReloadLocation")

    assert failure.code is Code.FAILED_PRECONDITION
    assert "served on" not in failure.message
    assert api.location.state == Location.STATE_FAILED
    assert api.location.generation == 0
    assert api.failure("ListJobs").only(v1.LoadError).message == "a mistake"
    file.write_text(FIRST)
    reply = api.call("ReloadLocation")
    assert reply.location.state == Location.STATE_READY
    assert not reply.changes  # no code was served
    assert api.call("ListJobs").jobs


# WatchLocation


def test_watching_through_an_edit_a_mistake_and_a_repair(shared: tuple[Api, Path]) -> None:
    api, file = shared
    before = api.location
    with Watch(api) as watch:
        first = watch.until_state(Location.STATE_READY)
        assert not first.changes

        file.write_text(SECOND)
        api.call("ReloadLocation")
        second = watch.until(lambda location: location.generation == before.generation + 1)
        assert second.location.state == Location.STATE_READY
        assert normal([c for c in significant(second) if "asset table" not in c]) == CHANGES

        file.write_text(BROKEN)
        api.failure("ReloadLocation")
        broken = watch.until(lambda location: location.failed_loads == before.failed_loads + 1)
        assert broken.location.load_error.message == "a mistake"
        assert broken.location.generation == second.location.generation
        assert not broken.changes

        file.write_text(FIRST)
        api.call("ReloadLocation")
        repaired = watch.until(lambda location: location.generation > second.location.generation)
        assert normal([c for c in significant(repaired) if "asset table" not in c]) == REVERSED
        assert not repaired.location.HasField("load_error")

        api.call("ReloadLocation")
        same = watch.until(lambda location: location.generation > repaired.location.generation)
        assert not same.changes

    assert "RELOADING" in watch.states
    # Each message says something new.
    assert all(a != b for a, b in zip(watch.messages, watch.messages[1:], strict=False))


def test_watching_files(start: Serve, file: Path) -> None:
    api = start(file, "--watch")
    with Watch(api) as watch:
        watch.until_state(Location.STATE_READY)

        replace(file, SECOND)

        edited = watch.until(lambda location: location.generation > 1)
        assert normal([c for c in significant(edited) if "asset table" not in c]) == CHANGES
        replace(file, BROKEN)
        # What is watched surfaces its errors.
        failed = watch.until_state(Location.STATE_FAILED)
        assert failed.location.load_error.message == "a mistake"
        replace(file, SECOND)
        watch.until_state(Location.STATE_READY)


def replace(file: Path, text: str) -> None:
    """At once, or a load may find the file empty, and say so."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@SURFACED
def test_a_reader_that_is_slow_gets_the_last_state(shared: tuple[Api, Path]) -> None:
    api, file = shared
    reloads, before = 30, api.location.failed_loads
    with Watch(api) as watch:
        watch.until_state(Location.STATE_READY)
        for number in range(reloads):
            file.write_text(f"raise RuntimeError({number})")
            assert api.failure("ReloadLocation").code is Code.FAILED_PRECONDITION

        last = watch.until(lambda location: location.failed_loads == before + reloads)

        assert last.location.state == Location.STATE_FAILED
        assert last.location == api.location
        assert len(watch.messages) < 2 * reloads


def test_at_sigterm_watchers_are_told_and_let_go(start: Serve, file: Path) -> None:
    api = start(file)
    watches = [Watch(api) for _ in range(50)]
    for watch in watches:
        watch.until_state(Location.STATE_READY)

    api.server.process.terminate()

    assert {watch.rest() for watch in watches} == {Code.OK}
    for watch in watches:
        assert "DRAINING" in watch.states
        assert watch.states[-1] in ("DRAINING", "STOPPED")
    assert api.server.process.wait(LIMIT) == 0


def test_while_it_drains_only_reloads_are_refused(start: Serve, file: Path) -> None:
    api = start(file, "--drain-delay", "600")
    with Watch(api) as watch:
        watch.until_state(Location.STATE_READY)
        api.server.process.terminate()
        watch.until_state(Location.STATE_DRAINING)

        assert api.failure("ReloadLocation").code is Code.UNAVAILABLE
        assert api.call("ListJobs").jobs
        assert api.call("GetExecutionPlan", job="greeting").plan.steps
        api.server.process.terminate()  # the second is faster

        assert watch.rest() is Code.OK
    assert api.server.process.wait(LIMIT) == 0


def test_watchers_that_go_away_are_forgotten(shared: tuple[Api, Path]) -> None:
    api, _ = shared
    before = len(api.server.text)
    for _ in range(100):
        with Watch(api) as watch:
            watch.next()

    api.call("ReloadLocation")
    assert "defect of codeserver" not in api.server.text[before:]
    assert "Traceback" not in api.server.text[before:]


def test_a_watcher_with_a_deadline(shared: tuple[Api, Path]) -> None:
    api, _ = shared
    for seconds in (1, 10, 50):  # until there was time to be told anything
        with Watch(api, deadline=seconds) as watch:
            assert watch.rest() is Code.DEADLINE_EXCEEDED
        if watch.states:
            break
    assert watch.states == ["READY"]


# The first load


def test_watchers_and_calls_from_the_first_load_on(start: Serve, short_tmp: Path) -> None:
    gate = short_tmp / "gate"
    file = short_tmp / "served.py"
    file.write_text(WAIT.format(str(gate)) + FIRST)
    api = start(file)
    with Watch(api) as watch:
        loading = watch.next()
        assert loading.location.state == Location.STATE_LOADING
        assert loading.location.generation == 0
        assert loading.location.server_id == ""
        assert not loading.location.HasField("counts")
        request = v1.GetJobRequest(name="greeting")
        plan = v1.GetExecutionPlanRequest(job="greeting")
        waiting = [
            api.stub.ListJobs.future(v1.ListJobsRequest(), timeout=LIMIT),
            api.stub.GetJob.future(request, timeout=LIMIT),
            api.stub.GetExecutionPlan.future(plan, timeout=LIMIT),
        ]

        assert api.failure("ListAssets", timeout=1).code is Code.DEADLINE_EXCEEDED
        assert api.location.state == Location.STATE_LOADING
        assert not any(call.done() for call in waiting)
        gate.touch()

        ready = watch.next()
    assert ready.location.state == Location.STATE_READY
    assert not ready.changes
    assert [reply.result(LIMIT).generation for reply in waiting] == [1, 1, 1]


def test_a_call_that_waits_for_a_load_that_fails(start: Serve, short_tmp: Path) -> None:
    gate = short_tmp / "gate"
    file = short_tmp / "served.py"
    file.write_text(WAIT.format(str(gate)) + "raise RuntimeError('a mistake')")
    api: Api = start(file)
    waiting = api.stub.ListJobs.future(v1.ListJobsRequest(), timeout=LIMIT)
    eventually(lambda: api.location.state == Location.STATE_LOADING)

    gate.touch()

    failure = failure_of(waiting.exception(LIMIT))
    assert failure.code is Code.FAILED_PRECONDITION
    assert failure.only(v1.LoadError).message == "a mistake"
