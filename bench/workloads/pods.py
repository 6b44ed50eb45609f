"""Pods of runs and steps: time and CPU of their command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance
from dagster._core.code_pointer import FileCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs, ExecuteStepArgs
from dagster._serdes import serialize_value

from bench.client import Refused
from bench.measurement import Measurement
from bench.resources import run
from bench.results import Unit
from bench.servers import API, OURS, made_home, temporary_folder
from bench.subjects import EXAMPLE, Subject, many_assets

SUBJECTS = (EXAMPLE, many_assets(100), many_assets(1000))

_JOB = "short"
_STEP = "_nothing"
_IN_PROCESS: dict[str, object] = {"execution": {"config": {"in_process": {}}}}
_COMMANDS = {
    OURS: ("-c", "from codeserver.dagster_command import main; main()"),
    API: ("-m", "dagster"),
}
"""The commands by server; the first is equal to that of `codeserver install-dagster`."""


def measure(it: Measurement) -> None:
    """`dagster api execute_run` and `dagster api execute_step`, from start to end of the process.

    A run launcher starts the first for a job with one op that does nothing. An executor that gives
    each op its own pod starts the second for that op, in another run.

    The first server's command is the `dagster` command that `codeserver install-dagster` writes.
    The other is Dagster's own. Both run the same Dagster in the same Python, in turns, with SQLite
    in DAGSTER_HOME and the op in that process. Bytecode is compiled already. CPU is the user and
    system time of the process. The median is of 6 runs and steps of the example and 4 of others,
    after one that does not count.
    """
    times = it.times(7 if it.subject is EXAMPLE else 5, quick=2)
    with temporary_folder() as folder:
        home, code = made_home(folder), it.subject.place(folder / "code")
        with DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
            pods = _Pods(it.subject, instance, home, code)
            for number in range(times):
                for what, execute in (("run", pods.execute_run), ("step", pods.execute_step)):
                    for kind in filter(_COMMANDS.get, it.kinds):
                        took, cpu = execute(_COMMANDS[kind])
                        if number:
                            it.add(f"time of a {what}'s pod", kind.key, Unit.SECONDS, took)
                            it.add(f"CPU of a {what}'s pod", kind.key, Unit.SECONDS, cpu)


class _Pods:
    """Runs of one job, executed as by a run launcher."""

    def __init__(self, subject: Subject, instance: DagsterInstance, home: Path, code: Path) -> None:
        pointer = FileCodePointer(str(code), "defs", str(code.parent))
        repository = RepositoryPythonOrigin(sys.executable, pointer, entry_point=["dagster"])
        job = ReconstructableRepository(pointer).get_reconstructable_job(_JOB).get_definition()
        # The example's definitions already have an in-process executor.
        config = {} if subject is EXAMPLE else _IN_PROCESS
        self._origin = JobPythonOrigin(_JOB, repository)
        self._instance = instance
        self._make = partial(instance.create_run_for_job, job, run_config=config)
        self._run = partial(run, folder=code.parent, home=home)

    def execute_run(self, command: Sequence[str]) -> tuple[float, float]:
        """Execute a run; returns its seconds and its CPU seconds.

        Raises:
            Refused: the run has failed.
        """
        run_id = self._make(job_code_origin=self._origin).run_id
        args = ExecuteRunArgs(self._origin, run_id, self._instance.get_ref())
        took = self._run([*command, "api", "execute_run", serialize_value(args)])
        return self._checked(run_id, DagsterEventType.RUN_SUCCESS, took)

    def execute_step(self, command: Sequence[str]) -> tuple[float, float]:
        """Execute a step; returns its seconds and its CPU seconds.

        Raises:
            Refused: the step has failed.
        """
        run_id = self._make(job_code_origin=self._origin).run_id
        args = ExecuteStepArgs(self._origin, run_id, [_STEP], self._instance.get_ref())
        variables = {each["name"]: each["value"] for each in args.get_command_env()}
        took = self._run([*command, "api", "execute_step"], variables=variables)
        return self._checked(run_id, DagsterEventType.STEP_SUCCESS, took)

    def _checked(
        self, run_id: str, event: DagsterEventType, took: tuple[float, float]
    ) -> tuple[float, float]:
        if not self._instance.all_logs(run_id, of_type=event):
            raise Refused(f"run {run_id} has no {event.value}")
        return took
