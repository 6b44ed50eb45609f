"""The core of what `test_dagster_programs` shows, with Dagster's state in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import USER_CODE, StartServer
from tests.support.dagster_programs import Deployment
from tests.support.postgres import postgres


@pytest.fixture(scope="module")
def dagster(home: Path, code_server: StartServer) -> Iterator[Deployment]:
    main = code_server(USER_CODE / "acceptance_main.py")
    with (
        postgres() as database,
        Deployment(home, {"main": main}, storage=database.dagster_storage) as deployment,
    ):
        yield deployment


def test_the_location_loads(dagster: Deployment):
    assert {"example_job", "lettered_job", "sensed_job"} <= dagster.jobs()
    assert not (dagster.home / "history").exists(), "state is in SQLite"


def test_a_launched_job_succeeds(dagster: Deployment):
    run_id = dagster.launch("example_job")

    dagster.wait_for_run(run_id, "SUCCESS")

    assert "total 6, largest 3" in dagster.log(run_id)


def test_a_sensor_ticks_and_its_run_succeeds(dagster: Deployment):
    dagster.start_daemon()
    dagster.start_sensor("once")

    run_id = dagster.wait_for_tick("once")

    dagster.wait_for_run(run_id, "SUCCESS")
    dagster.stop_sensor("once")
