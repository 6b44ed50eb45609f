"""Dagster's webserver and daemon with twelve locations of one server, by name and by socket."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import UNDER_TEST
from tests.process.several import LIST, write_list
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.graphql import POLL
from tests.support.servers import OURS_WARM, ServerProcess

pytestmark = pytest.mark.skipif(UNDER_TEST != "ours", reason="stock serves one location")

NAMES = [f"team {number:02}" for number in range(12)]
WITH_SENSOR = NAMES[:2]
EDITED = NAMES[5]

CODE = """\
from dagster import Definitions, RunRequest, in_process_executor, job, op, sensor

@op
def work(context):
    context.log.info("{name}")

@job(executor_def=in_process_executor)
def work_job():
    work()

jobs = [work_job]

@sensor(job=work_job, minimum_interval_seconds=1)
def once():
    return RunRequest(run_key="once")

defs = Definitions(jobs=jobs, sensors=[once])
"""
QUEUE = {
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
}


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[ServerProcess]:
    for name in NAMES:
        (home / f"{name}.py").write_text(CODE.format(name=name))
    write_list(home, {name: {"python_file": f"{name}.py"} for name in NAMES})
    command = [*OURS_WARM, "--locations", LIST, "--watch", "-p", "0"]
    env = {"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with ServerProcess(command, home / "s", env=env, cwd=home) as process:
        yield process


def deployment(home: Path, address: str, *options: str) -> Deployment:
    """Webserver and daemon with the workspace.yaml that `codeserver workspace` writes."""
    found = Deployment(home, {}, instance=QUEUE)
    command = [sys.executable, "-m", "codeserver", "workspace", "--address", address, *options]
    subprocess.run([*command, "-o", str(home / "workspace.yaml")], check=True)
    return found


def test_all_work_and_one_is_edited(home: Path, server: ServerProcess) -> None:
    listening = r"listening on .*127\.0\.0\.1:(\d+)"
    found = eventually(lambda: re.search(listening, server.text), what="the port")
    with deployment(home, f"127.0.0.1:{found[1]}") as dagster:
        assert "team-00.localhost" in (home / "workspace.yaml").read_text()
        for name in NAMES:
            shows(dagster, name, {"work_job"})
        for name in WITH_SENSOR:
            dagster.start_sensor("once", name)
        dagster.start_daemon()

        runs = {name: dagster.launch("work_job", name) for name in NAMES}

        for name, run_id in runs.items():
            dagster.wait_for_run(run_id, "SUCCESS")
            assert f": {name}" in dagster.log(run_id)
        for name in WITH_SENSOR:
            dagster.wait_for_run(dagster.wait_for_tick("once", name), "SUCCESS")

        before = {name: dagster.location(name)["serverId"] for name in NAMES}
        file = home / f"{EDITED}.py"
        file.write_text(
            file.read_text().replace(
                "jobs = [work_job]", "jobs = [work_job, work_job.graph.to_job('new_job')]"
            )
        )
        shows(dagster, EDITED, {"work_job", "new_job"})
        dagster.wait_for_run(dagster.launch("work_job", EDITED), "SUCCESS")
        after = {name: dagster.location(name)["serverId"] for name in NAMES}
        assert [name for name in NAMES if after[name] != before[name]] == [EDITED]

    with deployment(home, f"unix:{server.socket}") as dagster:
        assert "socket:" in (home / "workspace.yaml").read_text()
        for name in NAMES:
            eventually(lambda name=name: dagster.jobs(name), every=POLL, what=f"jobs of {name}")  # type: ignore[misc]
        dagster.start_daemon()
        dagster.wait_for_run(dagster.launch("work_job", NAMES[-1]), "SUCCESS")


def shows(dagster: Deployment, location: str, jobs: set[str]) -> None:
    eventually(lambda: dagster.jobs(location) == jobs, every=POLL, what=f"the jobs {jobs}")
