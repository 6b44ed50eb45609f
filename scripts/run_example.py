"""Serve the example, show that it works through Dagster's own client, and keep serving.

This is `make run`. Everything it creates is in a temporary folder that is removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster.version import __version__ as dagster_version
from rich.console import Console

HOST = "127.0.0.1"
PORT = int(os.environ.get("PORT", "4000"))
FILE = "example_user_code/repo.py"
JOB = "example_job"
START_SECONDS = 120
RUN_SECONDS = 120

# Without the daemon nothing takes runs from a queue, so runs must be launched at once.
INSTANCE = """\
telemetry:
  enabled: false
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run the example; returns the server's exit code."""
    # Ctrl-C also reaches the server, which then ends; this script waits for that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="codeserver-example-") as home:
        os.environ["DAGSTER_HOME"] = home
        Path(home, "dagster.yaml").write_text(INSTANCE)
        with serve() as server:
            try:
                show()
                what_next(home)
                return server.wait()
            except KeyboardInterrupt:
                server.send_signal(signal.SIGTERM)
                return server.wait()


@contextlib.contextmanager
def serve() -> Iterator[subprocess.Popen[bytes]]:
    """The server in a separate process; it ends with the block."""
    command = ["grpc", "-f", FILE, "-h", HOST, "-p", str(PORT), "--watch"]
    step(f"codeserver {' '.join(command)}")
    server = subprocess.Popen([sys.executable, "-m", "codeserver", *command])
    try:
        wait_until_listening(server)
        yield server
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait()


def wait_until_listening(server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers; exit with its code if it ends instead."""
    with grpc.insecure_channel(f"{HOST}:{PORT}") as channel:
        ready = grpc.channel_ready_future(channel)
        for _ in range(START_SECONDS):
            if (code := server.poll()) is not None:
                sys.exit(code)
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(timeout=1)
                return
    sys.exit(f"The server did not answer within {START_SECONDS} seconds.")


def show() -> None:
    """Show the location through the typed API, and then execute a job as Dagster does."""
    for command in (("list",), ("graph", JOB), ("plan", JOB)):
        step(f"codeserver {' '.join(command)}")
        address = ("--address", f"{HOST}:{PORT}")
        subprocess.run([sys.executable, "-m", "codeserver", *command, *address], check=True)
    execute()


def execute() -> None:
    """Have the server execute a run, as the webserver does."""
    target = GrpcServerTarget(host=HOST, port=PORT, socket=None, location_name="example")
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target, dagster_version) as process,
    ):
        workspace = process.create_request_context()
        location = workspace.get_code_location("example")
        repository = next(iter(location.get_repositories().values()))
        selector = JobSubsetSelector(
            location_name=location.name,
            repository_name=repository.name,
            job_name=JOB,
            op_selection=None,
        )
        job = location.get_job(selector)
        plan = location.get_execution_plan(job, {}, None, None, instance)
        show_run(instance, workspace, repository, job, plan)


def show_run(
    instance: DagsterInstance, workspace: Any, repository: Any, job: Any, plan: Any
) -> None:
    """Launch a run, wait for its end, and print its events."""
    step(f"A run of {JOB}, launched through the server")
    snapshot = plan.execution_plan_snapshot
    run = instance.create_run(
        job_name=JOB,
        run_id=None,
        run_config={},
        resolved_op_selection=None,
        step_keys_to_execute=snapshot.step_keys_to_execute,
        op_selection=None,
        status=None,
        root_run_id=None,
        parent_run_id=None,
        tags=dict(job.tags),
        job_snapshot=job.job_snapshot,
        execution_plan_snapshot=snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        asset_selection=None,
        asset_check_selection=None,
        asset_graph=repository.asset_graph,
    )
    instance.launch_run(run.run_id, workspace)
    status = wait_for_end(instance, run.run_id)
    for record in instance.all_logs(run.run_id):
        event = record.dagster_event
        if event is not None and (event.is_step_event or event.is_job_event):
            name = event.event_type_value.replace("PIPELINE", "RUN")
            console.print(f"  {name:<24} {event.step_key or ''}")
    color = "green" if status is DagsterRunStatus.SUCCESS else "red"
    console.print(f"  run {run.run_id}: [bold {color}]{status.value}[/]")
    if status is not DagsterRunStatus.SUCCESS:
        sys.exit(1)


def wait_for_end(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    """Wait for the end of a run; returns its final status."""
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        run = instance.get_run_by_id(run_id)
        if run is not None and run.is_finished:
            return run.status
        time.sleep(0.1)
    sys.exit(f"Run {run_id} did not end within {RUN_SECONDS} seconds.")


def what_next(home: str) -> None:
    """Print commands to try while the server runs."""
    binaries = os.path.relpath(Path(sys.executable).parent)
    address = f"--grpc-host {HOST} --grpc-port {PORT}"
    step(f"Serving {FILE} on {HOST}:{PORT} until Ctrl-C. What to try next, in another terminal:")
    console.print(f"  {binaries}/codeserver status --watch --address {HOST}:{PORT}")
    console.print(f"  export DAGSTER_HOME={home}")
    console.print(f"  {binaries}/dagster job list {address}")
    console.print(f"  {binaries}/dagster job launch {address} -j word_of_the_day_job")
    console.print(f"  {binaries}/pip install dagster-webserver")
    console.print(f"  {binaries}/dagster-webserver {address}", soft_wrap=True)
    console.print(f"Then edit {FILE}: what you save is live. All options: codeserver grpc --help")


def step(title: str) -> None:
    """Print a heading."""
    console.print(f"\n[bold cyan]{title}[/]")


if __name__ == "__main__":
    sys.exit(main())
