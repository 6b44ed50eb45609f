"""Answer the requests that need user code, with one function for each RPC.

Every function takes the serialized argument and returns the reply. A failure of user code is part
of the reply, in the class that Dagster's clients expect. An exception of `codeserver.errors` means
that the request itself cannot be answered.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from codeserver.contents import content_of, open_regular
from codeserver.errors import InvalidRequest, NotFound, NotPermitted
from codeserver.messages import EXPLAIN, Answer
from codeserver.worker import dagster_internals as dagster
from codeserver.worker import named_variables
from codeserver.worker.describing import requests, snapshots
from codeserver.worker.failures import current_error, explained
from codeserver.worker.loading import instance
from codeserver.worker.loading.location import Location
from codeserver.worker.process import limits


def answer(location: Location, rpc: str, argument: str, extra: Mapping[str, Any]) -> Answer:
    """The reply to one request.

    Args:
        location: the loaded definitions.
        rpc: name of the RPC.
        argument: the serialized argument.
        extra: other fields of the request, by name.

    Raises:
        CallerError: the request cannot be answered; the front turns the error into a gRPC status.
    """
    named_variables.begin(argument)
    if rpc == "ExternalNotebookData":
        return Answer(_notebook(argument))
    if rpc in requests.NAMES:
        return Answer(requests.answer(location, rpc, argument).encode())
    value = _explained(_ANSWERS[rpc](location, argument, extra))
    text = value if isinstance(value, str) else dagster.serialize_value(value)
    return Answer(text.encode(), isinstance(value, _ERRORS))


def _explained(value: Any) -> Any:
    """The reply, with an explanation added to an error that Dagster itself has caught."""
    if isinstance(value, _WITH_ERROR) and value.error is not None:
        limits.lift()
        return dagster.copy(value, error=explained(value.error))
    return value


def _plan(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    # Stock deserializes this argument outside of its error handling, so clients expect a status.
    args = _parse_plan(argument)
    try:
        _instance_ref(location, args)
        repository = location.repository(args.job_origin.repository_origin.repository_name)
        return dagster.get_external_execution_plan_snapshot(
            repository, args.job_origin.job_name, args
        )
    except Exception:
        return dagster.ExecutionPlanSnapshotErrorData(error=current_error())


def _job_subset(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.JobSubsetSnapshotArgs)
        name = args.job_origin.repository_origin.repository_name
        return dagster.get_external_pipeline_subset_result(
            location.repository(name),
            location.reconstructables[name],
            args.job_origin.job_name,
            args.op_selection,
            args.asset_selection,
            args.asset_check_selection,
            args.include_parent_snapshot,
        )
    except Exception:
        return dagster.RemoteJobSubsetResult(success=False, error=current_error())


def _repository(location: Location, argument: str, extra: Mapping[str, Any]) -> object:
    try:
        origin = dagster.deserialize_value(argument, dagster.RemoteRepositoryOrigin)
        repository = location.repository(origin.repository_name)
        return dagster.RepositorySnap.from_def(repository, defer_snapshots=extra["defer_snapshots"])
    except Exception:
        return dagster.RepositoryErrorSnap(error=current_error())


def _job(location: Location, argument: str, extra: Mapping[str, Any]) -> object:
    try:
        origin = dagster.deserialize_value(argument, dagster.RemoteRepositoryOrigin)
        return snapshots.job(location.repository(origin.repository_name), extra["job_name"])
    except Exception:
        return current_error()


def _partition_names(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.PartitionNamesArgs)
        repository = location.repository(args.repository_origin.repository_name)
        return dagster.get_partition_names(repository, job_name=args.get_job_name())
    except Exception:
        return dagster.PartitionExecutionErrorSnap(error=current_error())


def _partition_config(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.PartitionArgs)
        return dagster.get_partition_config(
            location.repository(args.repository_origin.repository_name),
            job_name=args.get_job_name(),
            partition_key=args.partition_name,
            instance_ref=_instance_ref(location, args) or instance.ref_of(location.order),
        )
    except Exception:
        return dagster.PartitionExecutionErrorSnap(error=current_error())


def _partition_tags(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.PartitionArgs)
        return dagster.get_partition_tags(
            location.repository(args.repository_origin.repository_name),
            job_name=args.get_job_name(),
            partition_name=args.partition_name,
            instance_ref=_instance_ref(location, args) or instance.ref_of(location.order),
        )
    except Exception:
        return dagster.PartitionExecutionErrorSnap(error=current_error())


def _partition_set(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.PartitionSetExecutionParamArgs)
        return dagster.get_partition_set_execution_param_data(
            location.repository(args.repository_origin.repository_name),
            partition_set_name=args.partition_set_name,
            partition_names=args.partition_names,
            instance_ref=_instance_ref(location, args) or instance.ref_of(location.order),
        )
    except Exception:
        return dagster.PartitionExecutionErrorSnap(error=current_error())


def _schedule(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.ExternalScheduleExecutionArgs)
        return dagster.get_external_schedule_execution(
            location.repository(args.repository_origin.repository_name),
            _instance_ref(location, args),
            args.schedule_name,
            args.scheduled_execution_timestamp,
            args.scheduled_execution_timezone,
            args.log_key,
        )
    except Exception:
        return dagster.ScheduleExecutionErrorSnap(error=current_error())


def _sensor(location: Location, argument: str, _: Mapping[str, Any]) -> object:
    try:
        args = dagster.deserialize_value(argument, dagster.SensorExecutionArgs)
        return dagster.get_external_sensor_execution(
            location.repository(args.repository_origin.repository_name),
            args.repository_origin.code_location_origin,
            _instance_ref(location, args),
            args.sensor_name,
            args.last_tick_completion_time,
            args.last_run_key,
            args.cursor,
            args.log_key,
            args.last_sensor_start_time,
        )
    except Exception:
        return dagster.SensorExecutionErrorSnap(error=current_error())


def _instance_ref(location: Location, args: Any) -> dagster.InstanceRef | None:
    """The instance that the request names, if it may."""
    return instance.admitted(args.instance_ref, location.order.pinned_instance)


def _refresh_state(location: Location, _: str, extra: Mapping[str, Any]) -> object:
    try:
        return _refresh_components(location, set(extra["defs_state_keys"]))
    except Exception:
        return current_error()


def _refresh_components(location: Location, wanted: set[str]) -> dagster.DefsStateInfo:
    if not dagster.DEFS_STATE:
        raise dagster.DagsterError(dagster.DEFS_STATE.lack)
    components: dict[str, dagster.StateBackedComponent] = {}
    project_root = None
    for repository in location.repositories.values():
        tree = repository.get_component_tree()  # type: ignore[no-untyped-call]
        if tree is None:
            continue
        project_root = tree.project_root
        for component in tree.get_all_components(of_type=dagster.StateBackedComponent):
            if component.defs_state_config.key in wanted:
                components[component.defs_state_config.key] = component
    if missing := wanted - components.keys():
        raise dagster.DagsterInvariantViolationError(
            "No matching state-backed components found for keys: " + ", ".join(sorted(missing))
        )
    root = dagster.check.not_none(project_root, "No project root found")

    async def refresh_all() -> list[str]:
        return await asyncio.gather(*(each.refresh_state(root) for each in components.values()))

    with ExitStack() as stack:
        try:
            storage = instance.open_named(location.order, stack).defs_state_storage
        except dagster.DagsterError:
            storage = None
        stack.enter_context(dagster.set_defs_state_storage(storage))
        versions = asyncio.run(refresh_all())
    info: dagster.DefsStateInfo | None = None
    for key, version in zip(components, versions, strict=True):
        info = dagster.DefsStateInfo.add_version(info, key, version)
    return info or dagster.DefsStateInfo.empty()


def _explain(_: Location, argument: str, extra: Mapping[str, Any]) -> object:
    """Dagster's own error for an argument that the front could not read."""
    try:
        dagster.deserialize_value(argument, _EXPLAINED[extra["class"]])
    except Exception:
        return current_error()
    raise InvalidRequest(f"Not a serialized {extra['class']}.")


def _notebook(path: str) -> bytes:
    """The content of a notebook below the working directory, as with Dagster.

    Dagster follows every link. Here one may lead to another place of the working directory, or to
    a notebook elsewhere, and not to another file such as a key.
    """
    shown = path if len(path) < _LONGEST_SHOWN else path[:_LONGEST_SHOWN] + "..."
    if not path.endswith(_NOTEBOOK):
        raise InvalidRequest(
            f"Notebook {shown} has an unexpected file extension; give {_NOTEBOOK}."
        )
    if not _is_inside(os.path.abspath(path)):
        raise NotPermitted(f"Notebook {shown} is outside the working directory.")
    try:
        real = os.path.realpath(path)
        if not (_is_inside(real) or real.endswith(_NOTEBOOK)):
            raise NotPermitted(f"Notebook {shown} is a link to another file.")
        # Links that are made meanwhile, and those of /proc, lead nowhere.
        with open_regular(real, os.O_NOFOLLOW) as file:
            return content_of(file, _LONGEST_NOTEBOOK)
    except FileNotFoundError:
        raise NotFound(f"There is no notebook at {shown}.") from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise InvalidRequest(f"Notebook {shown} cannot be read: {reason}.") from None


def _is_inside(path: str) -> bool:
    """Whether an absolute path is one below the working directory."""
    return path.startswith(os.path.join(os.getcwd(), ""))


def _parse_plan(argument: str) -> dagster.ExecutionPlanSnapshotArgs:
    try:
        return dagster.deserialize_value(argument, dagster.ExecutionPlanSnapshotArgs)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InvalidRequest(f"Not a serialized ExecutionPlanSnapshotArgs: {reason}") from None


_ERRORS = (dagster.SerializableErrorInfo, dagster.RepositoryErrorSnap)

_WITH_ERROR = (
    dagster.PartitionExecutionErrorSnap,
    dagster.RemoteJobSubsetResult,
    dagster.ScheduleExecutionErrorSnap,
    dagster.SensorExecutionErrorSnap,
)

_NOTEBOOK = ".ipynb"

_LONGEST_NOTEBOOK = 400 * 1000 * 1000
"""Bytes; four times the longest reply that gRPC sends by default."""

_LONGEST_SHOWN = 200
"""Maximum length of a path in an error message, in characters."""

_EXPLAINED: dict[str, Any] = {
    "ExecuteExternalJobArgs": dagster.ExecuteExternalJobArgs,
    "CancelExecutionRequest": dagster.CancelExecutionRequest,
    "DefsStateInfo": dagster.DefsStateInfo,
}

_ANSWERS: dict[str, Callable[[Location, str, Mapping[str, Any]], Any]] = {
    "ExecutionPlanSnapshot": _plan,
    "ExternalPipelineSubsetSnapshot": _job_subset,
    "ExternalRepository": _repository,
    "ExternalJob": _job,
    "ExternalPartitionNames": _partition_names,
    "ExternalPartitionConfig": _partition_config,
    "ExternalPartitionTags": _partition_tags,
    "ExternalPartitionSetExecutionParams": _partition_set,
    "ExternalScheduleExecution": _schedule,
    "ExternalSensorExecution": _sensor,
    "RefreshComponentState": _refresh_state,
    EXPLAIN: _explain,
}
