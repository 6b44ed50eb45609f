"""From the click on Launch to the first line of the first op, with each part of the way."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from bench.client import Refused
from bench.measurement import Measurement
from bench.processes import eventually
from bench.resources import rest
from bench.results import Unit
from bench.servers import CODE_SERVER, SETTINGS, Kind, Server, environment, temporary_folder
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000))

_JOB = "hello"
_LINE = "hello"
_COORDINATORS: dict[str, dict[str, Any]] = {
    "no queue": {"class": "DefaultRunCoordinator"},
    "queue": {"class": "QueuedRunCoordinator", "config": {"dequeue_interval_seconds": 1}},
}
_PARTS = {
    "PIPELINE_STARTING": "the run is handed to the server",
    "PIPELINE_START": "the run starts",
    "STEP_WORKER_STARTING": "the process of the step is started",
    "STEP_START": "the step starts",
}
"""Events on the way, and the words for them."""
_SECONDS = 120.0
_JOBS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"
_LAUNCH = """
mutation ($run: ExecutionParams!) {
  launchRun(executionParams: $run) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


def measure(it: Measurement) -> None:
    """The mutation that the UI sends for a click on Launch, to the webserver, and the events after.

    The job has one op that logs a line, and Dagster's multiprocess executor, so the op is executed
    in a process of its own. The webserver is the same with both servers, and so is the daemon that
    takes runs from a queue, every second; both run beside the code server, and records are in
    SQLite. Without a queue, the webserver hands the run to the code server itself. Times are from
    the request until the time stamp of an event or of the line; "the reply" is that to the
    mutation. The median is of 5 clicks, after one that is not counted. A run of `dagster
    code-server start` is the same process as one of `dagster api grpc`, so it is left out.
    """
    for name, coordinator in _COORDINATORS.items():
        for kind in it.kinds:
            if kind is CODE_SERVER:
                continue
            with _served(it, kind, coordinator) as ui:
                for number in range(it.times(6, quick=2)):
                    rest([ui.server])
                    for part, seconds in ui.click().items():
                        if number:
                            it.add(f"{name}: {part}", kind.key, Unit.SECONDS, seconds)


class _Ui:
    """The webserver in front of a code server, as the page in a browser sees it."""

    def __init__(self, server: Server, port: int, instance: DagsterInstance) -> None:
        self.server = server
        self._port = port
        self._instance = instance

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of the reply to a GraphQL request."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as reply:
            return json.load(reply)["data"]

    def has_job(self) -> bool:
        """Whether the webserver has loaded the location."""
        try:
            found = self.ask(_JOBS)
        except OSError:
            return False
        nodes = found["repositoriesOrError"].get("nodes", ())
        return any(job["name"] == _JOB for node in nodes for job in node["jobs"])

    def click(self) -> dict[str, float]:
        """Launch a run; returns the seconds to each part of the way.

        Raises:
            Refused: the run was not launched, or did not get far.
        """
        selector = {
            "pipelineName": _JOB,
            "repositoryName": "__repository__",
            "repositoryLocationName": "here",
        }
        clicked = time.time()
        run = {"selector": selector, "runConfigData": {}, "mode": "default"}
        launched = self.ask(_LAUNCH, run=run)["launchRun"]
        replied = time.time()
        if "run" not in launched:
            raise Refused(str(launched))
        run_id = launched["run"]["runId"]
        if not eventually(lambda: self._has_ended(run_id), _SECONDS):
            raise Refused("the run has not succeeded in time")
        took = {"the reply": replied - clicked}
        for entry in self._instance.all_logs(run_id):
            event = entry.dagster_event
            if event and event.event_type_value in _PARTS:
                took[_PARTS[event.event_type_value]] = entry.timestamp - clicked
            if not event and entry.user_message == _LINE:
                took["the first line of the op"] = entry.timestamp - clicked
        return took

    def _has_ended(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        return run is not None and run.is_success


@contextmanager
def _served(it: Measurement, kind: Kind, coordinator: dict[str, Any]) -> Iterator[_Ui]:
    """A code server with a webserver and a daemon, all of which have loaded the location."""
    settings = yaml.safe_load(SETTINGS)
    settings["run_coordinator"] = {"module": "dagster.core.run_coordinator", **coordinator}
    with temporary_folder() as folder:
        code = it.subject.place(folder / "code")
        with closing(Server(kind, folder, code, yaml.safe_dump(settings))) as server:
            server.wait_until_loaded()
            workspace = folder / "workspace.yaml"
            place = {"socket": str(server.socket), "location_name": "here"}
            workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": place}]}), "utf-8")
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            web = ("dagster_webserver", "-h", "127.0.0.1", "-p", str(port))
            instance = DagsterInstance.from_ref(InstanceRef.from_dir(str(server.home)))
            with (
                _running(workspace, server.home, *web),
                _running(workspace, server.home, "dagster._daemon", "run"),
                instance,
            ):
                ui = _Ui(server, port, instance)
                if not eventually(ui.has_job, _SECONDS):
                    raise Refused("the webserver has not loaded the location in time")
                yield ui


@contextmanager
def _running(workspace: Path, home: Path, module: str, *arguments: str) -> Iterator[None]:
    """A program of Dagster's that reads the workspace, killed at the end."""
    with (workspace.parent / f"{module}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "-w", str(workspace)],
            cwd=workspace.parent,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()
