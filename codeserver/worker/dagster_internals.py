"""The only file that touches Dagster's private modules; everything is as of Dagster 1.13.

The rest of the worker side takes what it needs of Dagster from here. When Dagster moves or renames
something, this file changes and no other. Importing it also imports all of Dagster that a host
needs, which is what the forkserver does before it forks.
"""

from __future__ import annotations

import importlib

import dagster._check as check
from dagster._cli.utils import _inject_local_env_file as local_variables
from dagster._core.code_pointer import AutoloadDefsModuleCodePointer, CodePointer
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.repository_definition import RepositoryDefinition
from dagster._core.definitions.repository_definition.repository_definition import (
    RepositoryLoadData,
)
from dagster._core.errors import (
    DagsterInvariantViolationError,
    DagsterRunNotFoundError,
    DagsterUserCodeLoadError,
    user_code_error_boundary,
)
from dagster._core.events import EngineEventData
from dagster._core.instance import DagsterInstance, InstanceRef
from dagster._core.instance.config import is_dagster_home_set
from dagster._core.remote_origin import RemoteRepositoryOrigin
from dagster._core.remote_representation.external_data import (
    JobDataSnap,
    PartitionExecutionErrorSnap,
    RemoteJobSubsetResult,
    RepositoryErrorSnap,
    RepositorySnap,
    ScheduleExecutionErrorSnap,
    SensorExecutionErrorSnap,
)
from dagster._core.snap.execution_plan_snapshot import ExecutionPlanSnapshotErrorData
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.defs_state.base import DefsStateStorage, set_defs_state_storage
from dagster._core.types.loadable_target_origin import (
    LoadableTargetOrigin,
    enter_loadable_target_origin_load_context,
)
from dagster._grpc.impl import (
    core_execute_run,
    get_external_execution_plan_snapshot,
    get_external_pipeline_subset_result,
    get_external_schedule_execution,
    get_external_sensor_execution,
    get_notebook_data,
    get_partition_config,
    get_partition_names,
    get_partition_set_execution_param_data,
    get_partition_tags,
)
from dagster._grpc.types import (
    CancelExecutionRequest,
    ExecuteExternalJobArgs,
    ExecutionPlanSnapshotArgs,
    ExternalScheduleExecutionArgs,
    JobSubsetSnapshotArgs,
    ListRepositoriesResponse,
    LoadableRepositorySymbol,
    PartitionArgs,
    PartitionNamesArgs,
    PartitionSetExecutionParamArgs,
    SensorExecutionArgs,
)
from dagster._grpc.utils import get_loadable_targets
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils import get_run_crash_explanation
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import capture_interrupts
from dagster._utils.log import configure_loggers
from dagster.components.component.state_backed_component import StateBackedComponent
from dagster_shared.error import DagsterError, SerializableErrorInfo
from dagster_shared.libraries import DagsterLibraryRegistry
from dagster_shared.record import copy
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

# What instances and runs import late; imported here, every fork shares it.
for _late in ("dagster._core.execution.api", "dagster._core.storage.sqlite_storage"):
    importlib.import_module(_late)

__all__ = [
    "AutoloadDefsModuleCodePointer",
    "CancelExecutionRequest",
    "CodePointer",
    "DagsterError",
    "DagsterInstance",
    "DagsterInvariantViolationError",
    "DagsterLibraryRegistry",
    "DagsterRun",
    "DagsterRunNotFoundError",
    "DagsterUserCodeLoadError",
    "DefinitionsLoadContext",
    "DefinitionsLoadType",
    "DefsStateInfo",
    "DefsStateStorage",
    "EngineEventData",
    "ExecuteExternalJobArgs",
    "ExecutionPlanSnapshotArgs",
    "ExecutionPlanSnapshotErrorData",
    "ExternalScheduleExecutionArgs",
    "InstanceRef",
    "JobDataSnap",
    "JobSubsetSnapshotArgs",
    "ListRepositoriesResponse",
    "LoadableRepositorySymbol",
    "LoadableTargetOrigin",
    "PartitionArgs",
    "PartitionExecutionErrorSnap",
    "PartitionNamesArgs",
    "PartitionSetExecutionParamArgs",
    "ReconstructableJob",
    "ReconstructableRepository",
    "RemoteJobSubsetResult",
    "RemoteRepositoryOrigin",
    "RepositoryDefinition",
    "RepositoryErrorSnap",
    "RepositoryLoadData",
    "RepositorySnap",
    "ScheduleExecutionErrorSnap",
    "SensorExecutionArgs",
    "SensorExecutionErrorSnap",
    "SerializableErrorInfo",
    "StateBackedComponent",
    "capture_interrupts",
    "check",
    "configure_loggers",
    "copy",
    "core_execute_run",
    "deserialize_value",
    "enter_loadable_target_origin_load_context",
    "get_external_execution_plan_snapshot",
    "get_external_pipeline_subset_result",
    "get_external_schedule_execution",
    "get_external_sensor_execution",
    "get_loadable_targets",
    "get_notebook_data",
    "get_partition_config",
    "get_partition_names",
    "get_partition_set_execution_param_data",
    "get_partition_tags",
    "get_run_crash_explanation",
    "is_dagster_home_set",
    "local_variables",
    "serializable_error_info_from_exc_info",
    "serialize_value",
    "set_defs_state_storage",
    "user_code_error_boundary",
]
