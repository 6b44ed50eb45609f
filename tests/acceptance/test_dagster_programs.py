"""Dagster's webserver and daemon, unmodified, work with the code server; state is in SQLite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import USER_CODE, StartServer
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.graphql import POLL


@pytest.fixture(scope="module")
def dagster(home: Path, code_server: StartServer) -> Iterator[Deployment]:
    main = code_server(USER_CODE / "acceptance_main.py")
    with Deployment(home, {"main": main}) as deployment:
        yield deployment


@pytest.fixture(scope="module", autouse=True)
def backfill_id(dagster: Deployment) -> str:
    """Set off what the daemon looks at rarely: backfills every 30 s, schedules on the minute.

    The tests of these come last in this module, when little or nothing is left to wait for.
    """
    dagster.start_schedule("every_minute")
    backfill_id = dagster.backfill("lettered_job", ["a", "c"])
    dagster.start_daemon()
    return backfill_id


def test_the_location_shows_what_the_file_defines(dagster: Deployment):
    repository = dagster.repository()

    assert dagster.jobs() == {
        "asset_job", "endless_job", "example_job", "failing_job", "lettered_job", "scheduled_job",
        "sensed_job",
    }  # fmt: skip
    assert [schedule["name"] for schedule in repository["schedules"]] == ["every_minute"]
    assert [sensor["name"] for sensor in repository["sensors"]] == ["once"]
    assets = {tuple(node["assetKey"]["path"]) for node in repository["assetNodes"]}
    assert assets == {("greeting",), ("loud_greeting",), ("region",)}


def test_the_dependency_structure_of_a_job(dagster: Deployment):
    assert dagster.op_graph("example_job") == {
        "numbers": set(),
        "total": {"numbers"},
        "largest": {"numbers"},
        "report": {"total", "largest"},
    }


def test_the_execution_plan_of_a_job(dagster: Deployment):
    assert dagster.execution_plan("example_job") == {
        "numbers": set(),
        "total": {"numbers"},
        "largest": {"numbers"},
        "report": {"total", "largest"},
    }


def test_a_launched_job_succeeds(dagster: Deployment):
    run_id = dagster.launch("example_job")

    dagster.wait_for_run(run_id, "SUCCESS")

    events = dagster.events(run_id)
    assert "total 6, largest 3" in dagster.log(run_id)
    for step in ("numbers", "total", "largest", "report"):
        assert events.index(("STEP_START", step)) < events.index(("STEP_SUCCESS", step))
    assert events.index(("STEP_SUCCESS", "total")) < events.index(("STEP_START", "report"))
    of_run = [kind for kind, _ in events if kind.startswith("RUN_")]
    assert of_run == ["RUN_STARTING", "RUN_START", "RUN_SUCCESS"]


def test_a_job_that_fails_shows_the_error_of_the_op(dagster: Deployment):
    run_id = dagster.launch("failing_job")

    dagster.wait_for_run(run_id, "FAILURE")

    assert ("STEP_FAILURE", "fail") in dagster.events(run_id)
    assert "ValueError: the op is broken" in dagster.log(run_id)
    assert "acceptance_main.py" in dagster.log(run_id)


def test_a_terminated_run_cleans_up_and_is_canceled(dagster: Deployment):
    run_id = dagster.launch("endless_job")
    eventually(lambda: "waiting" in dagster.log(run_id), every=POLL, what="the op is at work")

    dagster.terminate(run_id)

    dagster.wait_for_run(run_id, "CANCELED")
    assert "cleaned up" in dagster.log(run_id)


def test_assets_are_materialized_and_checked(dagster: Deployment):
    run_id = dagster.launch("asset_job")

    dagster.wait_for_run(run_id, "SUCCESS")

    (greeting,) = dagster.materializations("greeting")
    assert greeting["run"] == run_id
    assert "length" in greeting["metadata"]
    assert [event["run"] for event in dagster.materializations("loud_greeting")] == [run_id]
    assert dagster.check_executions("loud_greeting", "is_loud") == [
        {"run": run_id, "status": "SUCCEEDED"}
    ]


def test_a_sensor_ticks_and_its_run_succeeds(dagster: Deployment):
    dagster.start_sensor("once")

    run_id = dagster.wait_for_tick("once")

    dagster.wait_for_run(run_id, "SUCCESS")
    run = dagster.run(run_id)
    assert (run["job"], run["tags"]["origin"]) == ("sensed_job", "once")
    assert run["tags"]["dagster/sensor_name"] == "once"
    dagster.stop_sensor("once")


def test_a_backfill_runs_its_partitions(dagster: Deployment, backfill_id: str):
    runs = dagster.wait_for_backfill(backfill_id)

    assert set(runs) == {"a", "c"}
    for letter, run_id in runs.items():
        assert dagster.run(run_id)["status"] == "SUCCESS"
        assert f"letter {letter}" in dagster.log(run_id)


def test_a_schedule_ticks_and_its_run_succeeds(dagster: Deployment):
    run_id = dagster.wait_for_tick("every_minute")

    dagster.stop_schedule("every_minute")
    dagster.wait_for_run(run_id, "SUCCESS")
    run = dagster.run(run_id)
    assert run["job"] == "scheduled_job"
    assert run["tags"]["dagster/schedule_name"] == "every_minute"
    assert re.fullmatch(r"\d\d:\d\d", run["tags"]["minute"])
