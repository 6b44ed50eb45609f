"""Changed code: it is served after a reload, shown when broken, and the other location lives on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import UNDER_TEST, USER_CODE, StartServer
from tests.support.dagster_programs import Deployment
from tests.support.eventually import PATIENCE, eventually
from tests.support.graphql import POLL

pytestmark = pytest.mark.skipif(UNDER_TEST == "stock-api", reason="it does not reload")

# "keep", the default of ours, goes on to serve the last code that could be loaded.
SHOW_ERRORS = ("--on-reload-error", "surface") if UNDER_TEST == "ours" else ()

# The editions differ in length: Python trusts bytecode of a file with the same size and second.
ONE_JOB = """\
from dagster import Definitions, in_process_executor, job, op

@op
def work(context):
    context.log.info("first edition")

@job(executor_def=in_process_executor)
def work_job():
    work()

jobs = [work_job]
defs = Definitions(jobs=jobs)
"""
TWO_JOBS = ONE_JOB.replace("first edition", "second edition").replace(
    "jobs = [work_job]",
    "jobs = [work_job, work_job.graph.to_job('new_job', executor_def=in_process_executor)]",
)
BROKEN = ONE_JOB + "raise RuntimeError('the user made a mistake')\n"


@pytest.fixture(scope="module")
def dagster(home: Path, code_server: StartServer) -> Iterator[Deployment]:
    (home / "edited.py").write_text(ONE_JOB)
    (home / "born_broken.py").write_text(BROKEN)
    servers = {
        "main": code_server(USER_CODE / "acceptance_main.py"),
        "edited": code_server(home / "edited.py", *SHOW_ERRORS),
        "born_broken": code_server(home / "born_broken.py"),
    }
    if UNDER_TEST == "ours":  # stock's servers do not listen before the code is loaded
        os.mkfifo(home / "go")
        (home / "slow.py").write_text(f"open({str(home / 'go')!r}).close()\n{ONE_JOB}")
        servers["slow"] = code_server(home / "slow.py", "--first-load-wait", "1")
    with Deployment(home, servers) as deployment:
        yield deployment


@pytest.mark.skipif(UNDER_TEST != "ours", reason="it is not there while the code is loaded")
def test_a_location_that_takes_long_to_load_appears_when_it_is_loaded(dagster: Deployment):
    assert "The code is still importing " in dagster.load_error("slow")
    assert "example_job" in dagster.jobs("main"), "the others are there at once"

    (dagster.home / "go").write_text("")  # which waits for whoever reads it

    shows(dagster, "slow", {"work_job"})


@pytest.fixture
def file(dagster: Deployment) -> Path:
    """The file of the location ``edited``, which has one job whatever earlier tests did."""
    file = dagster.home / "edited.py"
    file.write_text(ONE_JOB)
    dagster.reload("edited")
    shows(dagster, "edited", {"work_job"})
    return file


def shows(dagster: Deployment, location: str, jobs: set[str]) -> None:
    """Wait until the webserver shows these jobs.

    Also after a reload that it was told of: a look at the server that its watching thread began
    before may end after that, and what it has seen is shown until the thread looks again.
    """
    eventually(lambda: dagster.jobs(location) == jobs, every=POLL, what=f"the jobs {jobs}")


def test_a_reload_serves_and_runs_the_new_code(dagster: Deployment, file: Path):
    file.write_text(TWO_JOBS)

    dagster.reload("edited")

    shows(dagster, "edited", {"work_job", "new_job"})
    run_id = eventually(lambda: dagster.launch("new_job", "edited"), every=POLL)
    dagster.wait_for_run(run_id, "SUCCESS")
    assert "second edition" in dagster.log(run_id)


def test_a_reload_of_broken_code_shows_the_error_until_it_is_repaired(
    dagster: Deployment, file: Path
):
    file.write_text(BROKEN)

    dagster.reload("edited")

    error = eventually(lambda: dagster.load_error("edited"), every=POLL, what="the error")
    assert "RuntimeError: the user made a mistake" in error
    assert str(file) in error

    file.write_text(TWO_JOBS)
    dagster.reload("edited")

    shows(dagster, "edited", {"work_job", "new_job"})
    dagster.wait_for_run(dagster.launch("work_job", "edited"), "SUCCESS")


def test_a_location_with_broken_code_does_not_disturb_the_other(dagster: Deployment, file: Path):
    file.write_text(BROKEN)
    dagster.reload("edited")

    run_id = dagster.launch("asset_job", "main")

    dagster.wait_for_run(run_id, "SUCCESS")
    dagster.reload("main")
    assert "example_job" in dagster.jobs("main")


def test_a_run_outlives_a_reload_and_can_still_be_terminated(dagster: Deployment):
    run_id = dagster.launch("endless_job", "main")
    eventually(lambda: "waiting" in dagster.log(run_id), every=POLL, what="the op is at work")

    dagster.reload("main")

    assert dagster.run(run_id)["status"] == "STARTED"
    dagster.terminate(run_id)
    dagster.wait_for_run(run_id, "CANCELED")
    assert "cleaned up" in dagster.log(run_id)


def test_code_that_was_broken_from_the_start_is_shown_until_it_is_repaired(dagster: Deployment):
    file = dagster.home / "born_broken.py"
    error = dagster.load_error("born_broken")
    assert "RuntimeError: the user made a mistake" in error
    assert str(file) in error

    file.write_text(TWO_JOBS)
    dagster.reload("born_broken")

    shows(dagster, "born_broken", {"work_job", "new_job"})
    dagster.wait_for_run(dagster.launch("work_job", "born_broken"), "SUCCESS")


@pytest.mark.xfail(UNDER_TEST != "ours", reason="stock drops the code that works")
def test_by_default_a_reload_of_broken_code_keeps_the_last_code(dagster: Deployment):
    file = dagster.home / "born_broken.py"
    file.write_text(ONE_JOB)
    dagster.reload("born_broken")
    shows(dagster, "born_broken", {"work_job"})
    file.write_text(BROKEN)

    dagster.reload("born_broken")

    shows(dagster, "born_broken", {"work_job"})
    # A run imports what is on disk, as with stock.
    dagster.wait_for_run(dagster.launch("work_job", "born_broken"), "FAILURE")


def test_a_reload_by_somebody_else_is_noticed(dagster: Deployment, file: Path):
    file.write_text(TWO_JOBS)

    reload_as_somebody_else(dagster)

    shows(dagster, "edited", {"work_job", "new_job"})


def test_a_change_back_to_code_that_was_served_before_is_noticed(dagster: Deployment, file: Path):
    file.write_text(TWO_JOBS)
    reload_as_somebody_else(dagster)
    shows(dagster, "edited", {"work_job", "new_job"})
    file.write_text(ONE_JOB)
    dagster.reload("edited")
    shows(dagster, "edited", {"work_job"})

    # The webserver compares server ids once a second. It has, most probably, not asked since it
    # saw the id of the two jobs; if that comes back now, it goes on to show one job for ever.
    file.write_text(TWO_JOBS)
    reload_as_somebody_else(dagster)

    shows(dagster, "edited", {"work_job", "new_job"})


def test_a_server_that_was_replaced_by_one_with_new_code_is_noticed(
    dagster: Deployment, file: Path
):
    file.write_text(TWO_JOBS.replace("new_job", "deployed_job"))

    dagster.restart_server("edited")

    shows(dagster, "edited", {"work_job", "deployed_job"})
    dagster.wait_for_run(dagster.launch("deployed_job", "edited"), "SUCCESS")


def reload_as_somebody_else(dagster: Deployment) -> None:
    """Reload the edited location without the webserver's doing."""
    dagster.servers["edited"].client.reload_code(timeout=PATIENCE)
