"""Where user code runs in a location, and what comes of it when it does harm there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from dagster import DagsterRunStatus
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.types import (
    ExecutionPlanSnapshotArgs,
    ExternalScheduleExecutionArgs,
    JobSubsetSnapshotArgs,
    PartitionArgs,
)
from dagster._serdes import serialize_value

from tests.differential import calls, running
from tests.differential.calls import NEW_YEAR, job_origin, origin
from tests.differential.plain import value
from tests.differential.running import current_runs
from tests.process.running import failures, reasons
from tests.process.serving import LIMIT, Server, pid_in, sensor_args
from tests.support.eventually import eventually

FINE = "fine"
LATE = "too late"

LOAD_SECONDS = 6.0
"""What each load may take; one that goes well needs much less, but on a busy machine."""


Use = Callable[[Server, Path, float], str]


@dataclass(frozen=True)
class Place:
    """Somewhere that user code runs.

    Attributes:
        use: has it run, for so many seconds where a request may say how long, and returns what
            came of it: `FINE`, `LATE`, or an error.
        outcomes: what must come of deeds that do harm in another way here than elsewhere.
    """

    use: Use
    outcomes: Mapping[str, str]


def _evaluate(rpc: str, make: Callable[[Server], object]) -> Use:
    method = pb.DESCRIPTOR.services_by_name["DagsterApi"].methods_by_name[rpc]
    (argument,) = (field.name for field in method.input_type.fields)
    (result,) = (field.name for field in method.output_type.fields)
    request_type = getattr(pb, method.input_type.name)

    def use(server: Server, _: Path, seconds: float) -> str:
        request = request_type(**{argument: serialize_value(make(server))})
        try:
            reply = getattr(server.stub, rpc)(request, timeout=seconds)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return LATE
            raise
        return _said(value(getattr(reply, result)))

    return use


def _said(answer: object) -> str:
    error = getattr(answer, "error", None)
    return error.to_string() if error else getattr(answer, "skip_message", None) or FINE


def _load(server: Server, _: Path, __: float) -> str:
    error = server.reload()
    if "longer than" in error and "--startup-timeout" in error:
        return LATE
    return value(error).to_string() if error else FINE


def _run(server: Server, begun: Path, _: float) -> str:
    """Execute a run; one that hangs is cancelled, and killed if it takes no notice of that."""
    config = {"ops": {"work": {}}}
    launched = running.launch(server, "runs", config)
    if begun.with_name("fault").exists():
        pid_in(begun)
    deed = begun.with_name("fault")
    if deed.exists() and deed.read_text().split()[1] in HANGING:
        server.instance.report_run_canceling(launched.run)  # as the run launcher does
        assert calls.cancel(launched.run_id).make(server).success
        if "hangs_in_c" in deed.read_text():
            server.only("run").kill()
    eventually(lambda: launched.run.is_finished, what="the end of the run")
    eventually(lambda: not current_runs(server), what="the server to know of the end")
    if launched.run.status is DagsterRunStatus.SUCCESS:
        return FINE
    if launched.run.status is DagsterRunStatus.CANCELED:
        return LATE
    assert len(failures(launched)) == 1
    return "\n".join([launched.run.status.value, *reasons(launched)])


HANGING = ("hangs", "hangs_in_c", "ignores_sigterm", "burns", "prints_without_end")

OUTCOMES: dict[str, str] = {
    "raises": "a mistake",
    "sys_exits": "no licence",
    "exits": "exited with code 7",
    "segfaults": r"signal 11 \(SIGSEGV\)[\s\S]*faults.py",
    "is_killed": r"signal 9 \(SIGKILL\)[\s\S]*last words",
    **dict.fromkeys(HANGING, LATE),
    "allocates": "--worker-memory-limit",
    "closes_everything": "Bad file descriptor",
    "leaves_a_child": FINE,
    "starts_threads": FINE,
    "meddles": FINE,
}


def _tick(server: Server) -> object:
    return sensor_args(server, "ticks", "", LIMIT)


def _scheduled(server: Server) -> object:
    return ExternalScheduleExecutionArgs(
        repository_origin=origin(),
        instance_ref=server.instance_ref,
        schedule_name="scheduled",
        scheduled_execution_timestamp=NEW_YEAR,
        scheduled_execution_timezone="UTC",
    )


def _plan(_: Server) -> object:
    return ExecutionPlanSnapshotArgs(
        job_origin=job_origin("planned"),
        op_selection=[],
        run_config={"value": "x"},
        step_keys_to_execute=None,
        job_snapshot_id="a snapshot",
    )


def _subset(_: Server) -> object:
    return JobSubsetSnapshotArgs(
        job_origin=job_origin("subsetted"),
        op_selection=["described"],
        asset_selection=None,
        include_parent_snapshot=True,
    )


def _partition(server: Server) -> object:
    return PartitionArgs(
        repository_origin=origin(),
        partition_set_name="partitioned_partition_set",
        partition_name="a",
        instance_ref=server.instance_ref,
    )


_SAY = {"raises": "FAILURE", "sys_exits": "FAILURE", "allocates": "FAILURE"}

PLACES = {
    "tick": Place(
        _evaluate("SyncExternalSensorExecution", _tick),
        # It says where it is, which must not have changed.
        dict.fromkeys(("leaves_a_child", "starts_threads", "meddles"), r"^[^ ]+ \d+ \w+$"),
    ),
    "schedule": Place(_evaluate("SyncExternalScheduleExecution", _scheduled), {}),
    "plan": Place(_evaluate("ExecutionPlanSnapshot", _plan), {}),
    "subset": Place(_evaluate("ExternalPipelineSubsetSnapshot", _subset), {}),
    "partition": Place(_evaluate("ExternalPartitionTags", _partition), {}),
    "load": Place(_load, {"allocates": "MemoryError", "closes_everything": "was loading the code"}),
    "run": Place(
        _run, {**_SAY, "hangs_in_c": r"signal 9 \(SIGKILL\)", "closes_everything": "FAILURE"}
    ),
}
