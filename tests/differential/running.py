"""Runs as the webserver launches them: from the server's own snapshots, with StartRun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.origin import JobPythonOrigin
from dagster._core.test_utils import create_run_for_test

from bench.requests import Requests
from codeserver.client import connect
from tests.differential.calls import job_origin, of, origin
from tests.differential.plain import plain, value
from tests.differential.sides import STOCK_AGAINST_STOCK, Side
from tests.support.eventually import eventually


@dataclass(frozen=True)
class Launched:
    """A run that the server was asked to start, and what it said to that."""

    side: Side
    run_id: str
    reply: object

    @property
    def run(self) -> DagsterRun:
        run = self.side.instance.get_run_by_id(self.run_id)
        assert run
        return run

    def wait_for(self, event_type: DagsterEventType) -> None:
        eventually(
            lambda: self.side.instance.all_logs(self.run_id, of_type=event_type), what=event_type
        )

    def wait_until_finished(self) -> None:
        eventually(lambda: self.run.is_finished, what="the end of the run")
        eventually(lambda: not current_runs(self.side), what="the server to know of the end")

    def story(self, **more: object) -> object:
        """What became of the run, and `more`, in words that do not depend on its id."""
        told = {
            "reply": self.reply,
            "status": self.run.status.value,
            "events": [
                _told(entry.dagster_event)
                for entry in self.side.instance.all_logs(self.run_id)
                if entry.dagster_event
            ],
            **more,
        }
        return json.loads(json.dumps(plain(told)).replace(self.run_id, "<run>"))


def _told(event: Any) -> list[object]:
    told = [event.event_type_value, event.step_key]
    if event.event_type in (DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE):
        told.append(event.message)
    return [*told, getattr(event.event_specific_data, "error", None)]


def current_runs(side: Side) -> list[str]:
    return list(value(side.client.get_current_runs()).current_runs)


def launch(side: Side, job: str, run_config: Mapping[str, object] | None = None) -> Launched:
    """Make a run of `job` and have the server start it."""
    return start(side, make(side, job, run_config).run_id, job)


def make(
    side: Side,
    job: str,
    run_config: Mapping[str, object] | None = None,
    code: JobPythonOrigin | None = None,
) -> DagsterRun:
    """Make a run of `job`; `code` is where a process that executes it finds it."""
    snapshot = value(side.client.external_job(origin(), job).serialized_job_data)
    args = Requests().plan(job, run_config=run_config, snapshot_id=snapshot.job.snapshot_id)
    plan = value(side.client.execution_plan_snapshot(args))
    return create_run_for_test(
        side.instance,
        job_name=job,
        run_config=run_config,
        status=DagsterRunStatus.STARTING,
        job_snapshot=snapshot.job,
        execution_plan_snapshot=plan,
        remote_job_origin=job_origin(job),
        job_code_origin=code,
    )


def start(side: Side, run_id: str, job: str) -> Launched:
    return Launched(side, run_id, value(side.client.start_run(of(side).run(job, run_id))))


def rehearsed(side: Side) -> None:
    """Wait until it is known how runs get the code; stock always knows."""
    if side.name == "stock" or STOCK_AGAINST_STOCK:
        return
    with connect(f"unix:{side.server.socket}") as client:
        for change in client.watch():
            if change.location.HasField("runs") and not change.location.runs.rehearsing:
                return
