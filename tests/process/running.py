"""Runs as tests of processes need them: at work when the test goes on."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterEventType, DagsterRunStatus

from tests.differential import running
from tests.differential.running import Launched
from tests.process.serving import Server
from tests.support.eventually import eventually


def launch(server: Server, job: str) -> Launched:
    """A run of `endless`, in its step."""
    launched = running.launch(server, job)
    launched.wait_for(DagsterEventType.STEP_START)
    return launched


def launch_stubborn(server: Server) -> Launched:
    """A run of `stubborn`, which ignores interrupts by now: Dagster does not before the op."""
    launched = running.launch(server, "stubborn")
    eventually(lambda: "ignoring interrupts" in messages(launched), what="the op")
    return launched


def launch_patient(server: Server, release: Path) -> Launched:
    """A run in its op, which ends when the file exists."""
    config = {"ops": {"wait_for_release": {"config": {"path": str(release)}}}}
    launched = running.launch(server, "patient", config)
    launched.wait_for(DagsterEventType.STEP_START)
    return launched


def final_status(launched: Launched) -> DagsterRunStatus:
    """The status of the run when it is over."""
    eventually(lambda: launched.run.is_finished, what="the end of the run")
    return launched.run.status


def failures(launched: Launched) -> list[str]:
    """Messages of the events that say that the run has failed."""
    return _messages(launched, DagsterEventType.RUN_FAILURE)


def reasons(launched: Launched) -> list[str]:
    """What the server wrote into the event log about the end of the run's process."""
    messages = _messages(launched, DagsterEventType.ENGINE_EVENT)
    return [message for message in messages if "Run execution process" in message]


def messages(launched: Launched) -> list[str]:
    """What the run has logged so far."""
    return [entry.user_message for entry in launched.side.instance.all_logs(launched.run_id)]


def _messages(launched: Launched, event_type: DagsterEventType) -> list[str]:
    events = launched.side.instance.all_logs(launched.run_id, of_type=event_type)
    return [event.dagster_event.message for event in events if event.dagster_event]
