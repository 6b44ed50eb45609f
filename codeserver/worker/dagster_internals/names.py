"""The names of Dagster's private modules that every supported version has in the same place.

Importing them also imports everything of Dagster that a host needs; the forkserver does so before
it forks.
"""

from __future__ import annotations

import importlib

import dagster._check as check
import yaml
from dagster._config import ConfigScalarKind, ConfigType, ConfigTypeKind
from dagster._config.errors import (
    DagsterEvaluationErrorReason,
    EvaluationError,
    FieldNotDefinedErrorData,
    FieldsNotDefinedErrorData,
    MissingFieldErrorData,
    MissingFieldsErrorData,
    RuntimeMismatchErrorData,
    SelectorTypeErrorData,
)
from dagster._config.snap import ConfigFieldSnap, ConfigSchemaSnapshot, ConfigTypeSnap
from dagster._config.stack import (
    EvaluationStackEntry,
    EvaluationStackListItemEntry,
    EvaluationStackPathEntry,
)
from dagster._config.type_printer import print_config_type_key_to_string
from dagster._core import code_pointer
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.asset_key import AssetKey
from dagster._core.definitions.asset_selection import (
    AssetSelection,
)
from dagster._core.definitions.declarative_automation.automation_condition import (
    AutomationCondition,
)
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.definitions.dependency import DependencyType, Node, NodeHandle
from dagster._core.definitions.graph_definition import GraphDefinition
from dagster._core.definitions.hook_definition import HookDefinition
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.definitions.metadata import metadata_value
from dagster._core.definitions.multi_asset_sensor_definition import MultiAssetSensorDefinition
from dagster._core.definitions.op_definition import OpDefinition
from dagster._core.definitions.policy import Backoff, Jitter, RetryPolicy
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.repository_definition import (
    CachingRepositoryData,
    RepositoryDefinition,
)
from dagster._core.definitions.repository_definition.repository_definition import (
    RepositoryLoadData,
)
from dagster._core.definitions.resource_definition import ResourceDefinition
from dagster._core.errors import (
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvalidSubsetError,
    DagsterInvariantViolationError,
    DagsterRunNotFoundError,
    DagsterUnknownPartitionError,
    DagsterUnmetExecutorRequirementsError,
    DagsterUserCodeLoadError,
    user_code_error_boundary,
)
from dagster._core.events import EngineEventData
from dagster._core.execution import compute_logs
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.inputs import (
    FromConfig,
    FromDefaultValue,
    FromDynamicCollect,
    FromInputManager,
    FromLoadableAsset,
    FromMultipleSources,
    FromMultipleSourcesLoadSingleSource,
    FromPendingDynamicStepOutput,
    FromStepOutput,
    FromUnresolvedStepOutput,
    StepInput,
    StepInputSource,
)
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import IExecutionStep, StepKind
from dagster._core.execution.resources_init import get_required_resource_keys_for_step
from dagster._core.executor import multiprocess
from dagster._core.executor.base import Executor
from dagster._core.executor.multiprocess import MultiprocessExecutor
from dagster._core.instance import DagsterInstance, InstanceRef
from dagster._core.instance.config import is_dagster_home_set
from dagster._core.remote_representation import external_data
from dagster._core.remote_representation.external_data import (
    AssetNodeSnap,
    JobDataSnap,
    PartitionExecutionErrorSnap,
    RemoteJobSubsetResult,
    RepositoryErrorSnap,
    RepositorySnap,
    ResourceConfigEnvVarSnap,
    ResourceSnap,
    ScheduleExecutionErrorSnap,
    ScheduleSnap,
    SensorExecutionErrorSnap,
    SensorSnap,
    asset_check_node_snaps_from_repo,
    asset_node_snaps_from_repo,
)
from dagster._core.remote_representation.external_data import (
    _get_nested_resources_map as get_nested_resources_map,
)
from dagster._core.remote_representation.external_data import (
    _get_resource_job_usage as get_resource_job_usage,
)
from dagster._core.secrets.env_file import get_env_var_dict
from dagster._core.snap.execution_plan_snapshot import ExecutionPlanSnapshotErrorData
from dagster._core.storage import sql
from dagster._core.storage.dagster_run import DagsterRun
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
from dagster._utils.env import environ as set_variables
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import capture_interrupts
from dagster._utils.log import configure_loggers
from dagster._utils.warnings import disable_dagster_warnings

# Instances and runs import these late; imported here, every fork shares them.
for _late in ("dagster._core.execution.api", "dagster._core.storage.sqlite_storage"):
    importlib.import_module(_late)
