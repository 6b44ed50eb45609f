"""Pods of runs and steps: what the command takes that is started in each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster import DagsterEventType, DagsterInstance
from dagster._core.code_pointer import FileCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs, ExecuteStepArgs
from dagster._serdes import serialize_value

from bench.calls import Refused
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.samples import Samples
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.servers import KINDS, Kind

SUBJECTS: tuple[Subject, ...] = (EXAMPLE, many_assets(1000))
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_JOB = "short"
_STEP = "_nothing"
_IN_PROCESS = {"execution": {"config": {"in_process": {}}}}
_COMMANDS = {
    "ours": ("-c", "from codeserver.dagster_command import main; main()"),
    "api": ("-m", "dagster"),
}
"""By server. The first is what the file written by `codeserver install-dagster` does."""


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """`dagster api execute_run` and `dagster api execute_step`, from the start to the end of each.

    The first is of a job with one op that does nothing, as a run launcher starts it. The second is
    of that op in another run, as an executor starts it that gives each op a pod of its own.

    Ours is the `dagster` command that `codeserver install-dagster` writes, the other is Dagster's
    own; both run the same Dagster in the same Python, in turns, with SQLite in DAGSTER_HOME and the
    op in that process. Bytecode is compiled. CPU is user and system time of the process. The median
    is of 6 runs and steps of the example and 4 of others, after one that is not counted.
    """
    samples = Samples(subject.name)
    with ExitStack() as stack:
        name = TemporaryDirectory(prefix="compared-", ignore_cleanup_errors=True)
        runs = _Runs(Path(stack.enter_context(name)), subject)
        instance = stack.enter_context(DagsterInstance.from_ref(runs.instance))
        times = effort.times(7 if subject is EXAMPLE else 5, quick=2)
        for number in range(times):
            for what, execute in (("run", runs.execute_run), ("step", runs.execute_step)):
                for key, command in _COMMANDS.items():
                    if KINDS[key] not in kinds:
                        continue
                    took, cpu = execute(instance, command)
                    if number:
                        samples.add(f"time of a {what}'s pod", KINDS[key], Unit.SECONDS, took)
                        samples.add(f"CPU of a {what}'s pod", KINDS[key], Unit.SECONDS, cpu)
    yield from samples.figures()


class _Runs:
    """Runs of one job, as a run launcher has them executed.

    Args:
        folder: an empty one, for the code and the instance.
        subject: the location with the job.
    """

    def __init__(self, folder: Path, subject: Subject) -> None:
        self._home = folder / "home"
        self._home.mkdir()
        (self._home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        code = subject.place(folder / "code")
        pointer = FileCodePointer(str(code), "defs", str(code.parent))
        repository = RepositoryPythonOrigin(sys.executable, pointer, entry_point=["dagster"])
        self._folder = code.parent
        self._origin = JobPythonOrigin(_JOB, repository)
        job = ReconstructableRepository(pointer).get_reconstructable_job(_JOB)
        self._job = job.get_definition()
        # The example's definitions have an executor of their own, which is in the process already.
        self._config = {} if subject is EXAMPLE else _IN_PROCESS
        self.instance = InstanceRef.from_dir(str(self._home))

    def execute_run(
        self, instance: DagsterInstance, command: tuple[str, ...]
    ) -> tuple[float, float]:
        """Seconds that a run took, and seconds of CPU.

        Raises:
            Refused: it has failed.
        """
        run_id = self._make(instance)
        args = ExecuteRunArgs(self._origin, run_id, self.instance)
        took = self._execute([*command, "api", "execute_run", serialize_value(args)], {})
        if not instance.get_run_by_id(run_id).is_success:
            raise Refused(f"the run of {command} has failed")
        return took

    def execute_step(
        self, instance: DagsterInstance, command: tuple[str, ...]
    ) -> tuple[float, float]:
        """Seconds that a step took, and seconds of CPU.

        Raises:
            Refused: it has failed.
        """
        run_id = self._make(instance)
        args = ExecuteStepArgs(self._origin, run_id, [_STEP], self.instance)
        variables = {each["name"]: each["value"] for each in args.get_command_env()}
        took = self._execute([*command, "api", "execute_step"], variables)
        if not instance.all_logs(run_id, of_type=DagsterEventType.STEP_SUCCESS):
            raise Refused(f"the step of {command} has failed")
        return took

    def _make(self, instance: DagsterInstance) -> str:
        run = instance.create_run_for_job(
            job_def=self._job, run_config=self._config, job_code_origin=self._origin
        )
        return str(run.run_id)

    def _execute(self, words: list[str], variables: dict[str, str]) -> tuple[float, float]:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env={**os.environ, **variables, "DAGSTER_HOME": str(self._home)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        if process.returncode != 0:
            raise Refused(f"{' '.join(words[:4])} ended with {process.returncode}")
        return took, usage.ru_utime + usage.ru_stime
