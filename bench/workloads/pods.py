"""Pods of runs and steps: time and CPU of their command."""

from __future__ import annotations

import sys
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

SUBJECTS = (EXAMPLE, many_assets(1000))

_JOB = "short"
_STEP = "_nothing"
_IN_PROCESS: dict[str, object] = {"execution": {"config": {"in_process": {}}}}
_COMMANDS = {
    OURS: ("-c", "from codeserver.dagster_command import main; main()"),
    API: ("-m", "dagster"),
}
"""The commands by server; the first does what `codeserver install-dagster` writes."""


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
    with temporary_folder() as folder, _Pods(folder, it.subject) as pods:
        for number in range(times):
            for what, execute in (("run", pods.execute_run), ("step", pods.execute_step)):
                for kind, command in _COMMANDS.items():
                    if kind not in it.kinds:
                        continue
                    took, cpu = execute(command)
                    if number:
                        it.add(f"time of a {what}'s pod", kind.key, Unit.SECONDS, took)
                        it.add(f"CPU of a {what}'s pod", kind.key, Unit.SECONDS, cpu)


class _Pods:
    """Runs of one job, executed as by a run launcher.

    Args:
        folder: an empty folder for the code and the instance.
        subject: the location with the job.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        self._home = made_home(folder)
        code = subject.place(folder / "code")
        pointer = FileCodePointer(str(code), "defs", str(code.parent))
        repository = RepositoryPythonOrigin(sys.executable, pointer, entry_point=["dagster"])
        self._folder = code.parent
        self._origin = JobPythonOrigin(_JOB, repository)
        job = ReconstructableRepository(pointer).get_reconstructable_job(_JOB)
        self._job = job.get_definition()
        # The example's definitions already have an in-process executor.
        self._config = {} if subject is EXAMPLE else _IN_PROCESS
        self._ref = InstanceRef.from_dir(str(self._home))
        self._instance = DagsterInstance.from_ref(self._ref)

    def __enter__(self) -> _Pods:
        return self

    def __exit__(self, *_: object) -> None:
        self._instance.dispose()

    def execute_run(self, command: tuple[str, ...]) -> tuple[float, float]:
        """Execute a run; returns its seconds and its CPU seconds.

        Raises:
            Refused: the run has failed.
        """
        run_id = self._make()
        args = ExecuteRunArgs(self._origin, run_id, self._ref)
        words = [*command, "api", "execute_run", serialize_value(args)]
        took = run(words, self._folder, self._home)
        ended = self._instance.get_run_by_id(run_id)
        if ended is None or not ended.is_success:
            raise Refused(f"the run of {command} has failed")
        return took

    def execute_step(self, command: tuple[str, ...]) -> tuple[float, float]:
        """Execute a step; returns its seconds and its CPU seconds.

        Raises:
            Refused: the step has failed.
        """
        run_id = self._make()
        args = ExecuteStepArgs(self._origin, run_id, [_STEP], self._ref)
        variables = {each["name"]: each["value"] for each in args.get_command_env()}
        took = run([*command, "api", "execute_step"], self._folder, self._home, variables)
        if not self._instance.all_logs(run_id, of_type=DagsterEventType.STEP_SUCCESS):
            raise Refused(f"the step of {command} has failed")
        return took

    def _make(self) -> str:
        run = self._instance.create_run_for_job(
            job_def=self._job, run_config=self._config, job_code_origin=self._origin
        )
        return str(run.run_id)
