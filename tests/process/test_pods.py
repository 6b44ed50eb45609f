"""What pods of runs execute, by the `dagster` command of an image and by stock's: all the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.code_pointer import FileCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs, ExecuteStepArgs
from dagster._serdes import serialize_value

from codeserver.cli.commands.install_dagster import install
from tests.process.serving import USER_CODE
from tests.support.eventually import PATIENCE, eventually

CODE = FileCodePointer(str(USER_CODE / "pods.py"), "defs", str(USER_CODE))
REPOSITORY = RepositoryPythonOrigin(sys.executable, CODE, entry_point=["dagster"])


@dataclass(frozen=True)
class Case:
    """What is executed.

    Attributes:
        name: of the case.
        expect: a part of what is to be seen.
        job: the job of the run.
        named: the job that the run says it is of, if that is another one.
        steps: executed by `execute_step`; None is `execute_run`.
        in_variable: it is named in a variable, as Kubernetes executors do it.
        status: of the run before.
        sent: a signal, when the op of `waits` waits.
        env: variables.
        options: of the arguments of the run or the step.
    """

    name: str
    expect: str
    job: str = "doubles"
    named: str | None = None
    steps: tuple[str, ...] | None = None
    in_variable: bool = False
    status: DagsterRunStatus = DagsterRunStatus.STARTING
    sent: signal.Signals | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


RUNS = [
    Case("in several processes", '["PIPELINE_SUCCESS", null', job="in_processes", in_variable=True),
    Case("fails", '"code": 1', job="fails", options={"set_exit_code_on_failure": True}),
    Case("broken code", "broken code", env={"POD_CODE_IS_BROKEN": "1"}),
    Case("terminated", "Execution was interrupted", job="waits", sent=signal.SIGTERM),
]
ONE = ("one",)
STEPS = [
    Case(
        "succeeds and prints events",
        '["STEP_SUCCESS", "one"',
        steps=ONE,
        in_variable=True,
        options={"print_serialized_events": True},
    ),
    Case("unknown step", "framework error", steps=("gone",)),
    Case("run has ended", "Skipping step", steps=ONE, status=DagsterRunStatus.CANCELED),
    Case("interrupted", "by interrupt", job="waits", steps=("wait",), sent=signal.SIGINT),
]


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as opened:
        yield opened


@dataclass
class Pod:
    """A process that executes a case.

    Args:
        side: `ours` or `stock`.
        case: it.
        instance: where the run is.
        work: an empty folder.
    """

    side: str
    case: Case
    instance: DagsterInstance
    work: Path

    def __post_init__(self) -> None:
        job = ReconstructableRepository(CODE).get_reconstructable_job(self.case.job)
        origin = JobPythonOrigin(self.case.named or self.case.job, REPOSITORY)
        self.run_id = self.instance.create_run_for_job(
            job_def=job.get_definition(), job_code_origin=origin, status=self.case.status
        ).run_id
        words, variables = self._named(origin)
        self.work.mkdir()
        self.process = subprocess.Popen(
            [*self._command(), "api", self._name, *words],
            cwd=self.work,
            env={**os.environ, **variables, **self.case.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def _name(self) -> str:
        return "execute_run" if self.case.steps is None else "execute_step"

    def _command(self) -> Sequence[str]:
        if self.side == "stock":
            return (sys.executable, "-m", "dagster")
        path = self.work.parent / "dagster"
        install(path, sys.executable)
        return (str(path),)

    def _named(self, origin: JobPythonOrigin) -> tuple[Sequence[str], Mapping[str, str]]:
        given = {"run_id": self.run_id, "instance_ref": self.instance.get_ref()}
        options = {**given, **self.case.options}
        if self.case.steps is None:
            args: Any = ExecuteRunArgs(origin, **options)
            words, name = args.get_command_args(), "DAGSTER_EXECUTE_RUN_ARGS"
        else:
            args = ExecuteStepArgs(origin, step_keys_to_execute=self.case.steps, **options)
            words, name = args.get_command_args(), "DAGSTER_EXECUTE_STEP_ARGS"
        return ((), {name: serialize_value(args)}) if self.case.in_variable else (words[3:], {})

    def story(self) -> Any:
        """What became of it, in words that do not depend on when, where and as what it was."""
        if self.case.sent:
            eventually((self.work / "waiting").exists, what="the op")
            self.process.send_signal(self.case.sent)
        out, err = self.process.communicate(timeout=PATIENCE)
        told = {
            "code": self.process.returncode,
            "printed": [self._plain(out), self._plain(err)],
            "files": {each.name: each.read_text() for each in sorted(self.work.iterdir())},
            "events": [self._told(each) for each in self.instance.all_logs(self.run_id)],
        }
        return json.loads(json.dumps(told))

    def _told(self, entry: Any) -> list[Any]:
        event, causes = entry.dagster_event, []
        if event is None:
            return [self._plain(entry.user_message)]
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            causes.append([self._plain(error.message), *error.stack])
            error = error.cause
        return [event.event_type_value, event.step_key, self._plain(entry.message), causes]

    def _plain(self, text: str) -> str:
        text = text.replace(self.run_id, "<run>").replace(f"{self.work}", "<folder>")
        text = text.replace("python -m dagster", "dagster")
        text = re.sub(r'"log_key": "\w+"', "", text)
        # Where the frames of a traceback are differs, and how it is underlined.
        kept = [line for line in text.splitlines() if not line.startswith(("  File", "    "))]
        return re.sub(r"[\da-f]{8,}|\d+(\.\d+)?(m?s)?", "<n>", "\n".join(kept))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{kind}: {case.name}")
        for kind, cases in (("run", RUNS), ("step", STEPS))
        for case in cases
    ],
)
def test_a_pod_does_what_stocks_does(case: Case, instance: DagsterInstance, work: Path) -> None:
    pods = [Pod(side, case, instance, work / side) for side in ("ours", "stock")]
    try:
        ours, stock = (pod.story() for pod in pods)
    finally:
        for pod in pods:
            if pod.process.poll() is None:
                pod.process.kill()
                pod.process.communicate()

    assert ours == stock
    assert case.expect in json.dumps(ours).replace('\\"', '"')


@pytest.mark.parametrize(("wish", "forked"), [("on", "True"), ("off", "False")])
def test_steps_are_forked(wish: str, forked: str, instance: DagsterInstance, work: Path) -> None:
    case = Case("", "", job="tells", env={"CODESERVER_WARM_STEPS": wish})
    assert Pod("ours", case, instance, work / "ours").story()["files"] == {"forked": forked}


def test_modules_of_the_working_directory_are_found_later(
    instance: DagsterInstance, work: Path
) -> None:
    """With stock, only in a pod that is in that directory and has been started by `python -m`."""
    pod = Pod("ours", Case("", "", job="imports_late"), instance, work / "ours")

    story = pod.story()

    assert story["files"] == {"edition": "first"}, story
