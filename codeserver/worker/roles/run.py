"""The run: a process that executes one Dagster run.

A warm run is forked from the host. A fresh one is forked from the template or the forkserver, and
imports the code itself.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from codeserver.marks import Look
from codeserver.messages import Finished, NotStarted, Reimport, Run, Started
from codeserver.used import Used
from codeserver.wire import Message
from codeserver.worker import dagster_internals as dagster
from codeserver.worker import named_variables
from codeserver.worker.failures import current_error
from codeserver.worker.loading import loggers
from codeserver.worker.loading.bytecode import see_files_as_they_are
from codeserver.worker.loading.instance import admitted
from codeserver.worker.loading.location import find_repository
from codeserver.worker.loading.surroundings import take_on, take_on_time_zone
from codeserver.worker.process import basics, unwritten
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.forking import Main
from codeserver.worker.process.leaving import leave
from codeserver.worker.process.originals import os, signal
from codeserver.worker.process.stdio import Survivor
from codeserver.worker.roles.template import package_folders
from codeserver.worker.steps.forking import Obstacles, fork_steps

Repositories = Mapping[str, dagster.ReconstructableRepository]


def reimport_and_execute(channel: Channel, readers: Sequence[int]) -> Main | int:
    """Receive `Reimport`, take on its surroundings, and execute a run.

    Dagster imports the code during the execution, as in stock, so its errors are events of the run.
    """
    order = channel.expect(Reimport)
    if order is None:
        return 0
    see_files_as_they_are()
    take_on(order.surroundings)
    repositories = {
        name: dagster.deserialize_value(text, dagster.ReconstructableRepository)
        for name, text in order.repositories.items()
    }
    return partial(execute, channel, readers, repositories)


def execute(
    channel: Channel,
    readers: Sequence[int],
    repositories: Repositories,
    used: Used | None = None,
) -> Main:
    """Receive `Run`, and execute the run. It goes on if the front goes away.

    Args:
        channel: the socket to the front.
        readers: the reading ends of this process's output.
        repositories: the repositories of the location, by name.
        used: the files that the load has used; None if this process has not loaded the code.

    Returns:
        In a process that is forked for its steps, its main function; in the run, its end.
    """
    threads = {*threading.enumerate()} - {threading.current_thread()}
    ordered = channel.expect(Run)
    code = 0
    last = [unwritten.finish, basics.flush]
    if ordered is not None:
        loggers.remove()
        take_on_time_zone()
        if ordered.forks_steps:
            steps = fork_steps(
                partial(_close, channel, readers),
                _obstacles(used, ordered.looks),
                shares_code=used is not None,
            )
            if callable(steps):
                return steps
            last.append(steps.end)
        last.append(Survivor(channel, readers).finish)
        # Threads that the user's modules start belong to the code, not to this run.
        dagster.call_when_loaded(lambda: threads.update(threading.enumerate()))
        try:
            code = _execute_ordered(channel, repositories, ordered)
        except BaseException:
            traceback.print_exc()
            code = 1
    return partial(leave, code, threads, *last)


def _close(channel: Channel, readers: Sequence[int]) -> None:
    channel.close()
    for fd in readers:
        os.close(fd)


def _obstacles(used: Used | None, looks: Mapping[str, Look] | None) -> Obstacles:
    if used is None:
        packages = Used.packages(package_folders())
        return lambda: packages.changes({})
    return lambda: [] if looks is None else used.changes(looks)


def _execute_ordered(channel: Channel, repositories: Repositories, ordered: Run) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    basics.unblock_signals()
    with dagster.capture_interrupts(), ExitStack() as stack:
        body = ordered.body.decode()
        named_variables.begin(body)
        try:
            args = dagster.deserialize_value(body, dagster.ExecuteExternalJobArgs)
            job = _job(repositories, args)
        except Exception:
            return _not_started(channel, None)
        try:
            instance = _instance(stack, admitted(args.instance_ref, ordered.pinned))
            run = _run(instance, args.run_id)
        except Exception:
            return _not_started(channel, "Error during RPC setup for executing run: ")
        _tell(channel, Started())
        _execute(instance, run, job)
        record = instance.get_run_by_id(run.run_id)
        if record is None or record.is_finished:
            _tell(channel, Finished())
    return 0


def _job(
    repositories: Repositories, args: dagster.ExecuteExternalJobArgs
) -> dagster.ReconstructableJob:
    name = args.job_origin.repository_origin.repository_name
    return find_repository(repositories, name).get_reconstructable_job(args.job_origin.job_name)


def _instance(stack: ExitStack, ref: dagster.InstanceRef | None) -> dagster.DagsterInstance:
    if ref is None:
        raise dagster.DagsterInvariantViolationError("The request names no Dagster instance.")
    return stack.enter_context(dagster.DagsterInstance.from_ref(ref))


def _run(instance: dagster.DagsterInstance, run_id: str) -> dagster.DagsterRun:
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise dagster.DagsterRunNotFoundError(  # type: ignore[no-untyped-call]
            f"gRPC server could not load run {run_id} in order to execute it. Make sure that the "
            "gRPC server has access to your run storage.",
            invalid_run_id=run_id,
        )
    return run


def _execute(
    instance: dagster.DagsterInstance, run: dagster.DagsterRun, job: dagster.ReconstructableJob
) -> None:
    pid = os.getpid()
    instance.report_engine_event(
        f"Started process for run (pid: {pid}).", run, dagster.EngineEventData.in_process(pid)
    )
    # Dagster records any error in the run's event log before it raises it.
    with contextlib.suppress(BaseException):
        for _ in dagster.core_execute_run(job, run, instance, inject_env_vars=False):
            pass
    instance.report_engine_event(f"Process for run exited (pid: {pid}).", run)


def _not_started(channel: Channel, prefix: str | None) -> int:
    error = current_error()
    message = None if prefix is None else prefix + error.message
    _tell(channel, NotStarted(dagster.serialize_value(error).encode(), message))
    return 0


def _tell(channel: Channel, message: Message) -> None:
    with contextlib.suppress(OSError):
        channel.send(message)
