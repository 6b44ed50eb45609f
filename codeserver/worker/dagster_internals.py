"""The only file that touches Dagster's private modules, for Dagster 1.13.

The rest of the worker side imports Dagster from here. When Dagster moves or renames something, only
this file changes. Importing it also imports everything of Dagster that a host needs; the forkserver
does so before it forks.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing.context import BaseContext
from typing import Any

import dagster._check as check
import yaml
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
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
from dagster._core.code_pointer import AutoloadDefsModuleCodePointer, CodePointer
from dagster._core.definitions.asset_key import AssetKey
from dagster._core.definitions.asset_selection import (
    AssetSelection,
    DagsterInvalidAssetSelectionError,
)
from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType
from dagster._core.definitions.assets.graph.asset_graph import AssetNode
from dagster._core.definitions.assets.job.asset_job import is_reserved_asset_job_name
from dagster._core.definitions.declarative_automation.automation_condition import (
    AutomationCondition,
)
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.definitions.dependency import DependencyType, Node, NodeHandle
from dagster._core.definitions.freshness import (
    CronFreshnessPolicy,
    FreshnessPolicy,
    TimeWindowFreshnessPolicy,
)
from dagster._core.definitions.graph_definition import GraphDefinition
from dagster._core.definitions.hook_definition import HookDefinition
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.definitions.metadata import metadata_value
from dagster._core.definitions.multi_asset_sensor_definition import MultiAssetSensorDefinition
from dagster._core.definitions.op_definition import OpDefinition
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.definition import (
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from dagster._core.definitions.partitions.utils import get_builtin_partition_mapping_types
from dagster._core.definitions.policy import Backoff, Jitter, RetryPolicy
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.repository_definition import (
    CachingRepositoryData,
    RepositoryDefinition,
)
from dagster._core.definitions.repository_definition.repository_definition import (
    RepositoryLoadData,
)
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
from dagster._core.remote_origin import RemoteRepositoryOrigin
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
from dagster._core.snowflake_partner import set_snowflake_partner_env_var
from dagster._core.storage import sql
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
from dagster._utils.env import environ as set_variables
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import capture_interrupts
from dagster._utils.log import configure_loggers
from dagster._utils.warnings import disable_dagster_warnings
from dagster.components.component.state_backed_component import StateBackedComponent
from dagster_shared.error import DagsterError, SerializableErrorInfo
from dagster_shared.libraries import DagsterLibraryRegistry
from dagster_shared.record import copy
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo
from dagster_shared.yaml_utils import DagsterYamlDumper, DagsterYamlLoader
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

# Instances and runs import these late; imported here, every fork shares them.
for _late in ("dagster._core.execution.api", "dagster._core.storage.sqlite_storage"):
    importlib.import_module(_late)


def parse_asset_selection(text: str) -> None:
    """Raise the parser's own error for an asset selection, which Dagster hides."""
    # Imported here, because the parser is slow to import and rarely needed.
    from dagster._core.definitions.antlr_asset_selection import antlr_asset_selection

    antlr_asset_selection.AntlrAssetSelectionParser(text)


def keep_migrations(now: bool = True) -> None:
    """Read the migrations of Dagster's SQLite databases once, for this process and its forks.

    Whenever Dagster opens a database, it compares its revision with the newest one. For that, it
    imports some ninety files of its package, and looks up the tables of the database.

    Args:
        now: read them at once, not at the first use.
    """

    @cache
    def kept() -> ScriptDirectory:
        config = Config()
        config.set_main_option("script_location", sql.ALEMBIC_SCRIPTS_LOCATION)
        return ScriptDirectory.from_config(config)

    class Kept:
        @staticmethod
        def from_config(config: Config) -> ScriptDirectory:
            is_dagsters = config.get_main_option("script_location") == sql.ALEMBIC_SCRIPTS_LOCATION
            return kept() if is_dagsters else ScriptDirectory.from_config(config)

    class Context:
        """A migration context that asks an SQLite database for its revision with one query."""

        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        @classmethod
        def configure(cls, connection: Connection) -> Any:
            is_sqlite = connection.dialect.name == "sqlite"
            return cls(connection) if is_sqlite else MigrationContext.configure(connection)

        def get_current_revision(self) -> str | None:
            with contextlib.suppress(OperationalError):  # a new database has no such table
                found = self._connection.exec_driver_sql("SELECT version_num FROM alembic_version")
                if len(rows := found.fetchall()) == 1:
                    return str(rows[0][0])
            return MigrationContext.configure(self._connection).get_current_revision()

    if now:
        kept().as_revision_number("head")
    vars(sql).update(ScriptDirectory=Kept, MigrationContext=Context)


def forget_load_context() -> None:
    """Let the next load begin without the context of an earlier one."""
    DefinitionsLoadContext._instance = None


def call_when_loaded(callback: Callable[[], None]) -> None:
    """Call a function once, after the user's code is loaded and before a job is taken from it."""
    _call_at_lookup(RepositoryDefinition, "get_maybe_subset_job_def", lambda _: callback())


def call_with_executor(callback: Callable[[Executor], None]) -> None:
    """Call a function once, with the executor of a run, right before it executes steps."""
    _call_at_lookup(PlanOrchestrationContext, "executor", callback)


def _call_at_lookup(owner: type, name: str, callback: Callable[[Any], None]) -> None:
    """Call a function with the value of an attribute at its first look-up.

    A wrapper of a method would add a frame to tracebacks.
    """
    attribute = owner.__dict__[name]

    class CallingBack:
        def __get__(self, instance: object, of: type) -> object:
            setattr(owner, name, attribute)
            value = attribute.__get__(instance, of)
            callback(value)
            return value

    setattr(owner, name, CallingBack())


def start_steps_with(context: BaseContext) -> None:
    """Start the steps of the multiprocess executor with a context of `multiprocessing`.

    A start method that the user has chosen is kept.
    """
    ours = "codeserver"

    class Multiprocessing:
        """`multiprocessing` for the module of the executor, with one more start method."""

        def __getattr__(self, name: str) -> object:
            return getattr(multiprocessing, name)

        def get_all_start_methods(self) -> list[str]:
            return [*multiprocessing.get_all_start_methods(), ours]

        def get_context(self, method: str) -> BaseContext:
            return context if method == ours else multiprocessing.get_context(method)

    class Checks:
        """Dagster's checks of arguments, for the same module."""

        def __getattr__(self, name: str) -> object:
            return getattr(check, name)

        def opt_str_param(self, value: object, name: str) -> str | None:
            checked = check.opt_str_param(value, name)
            return ours if checked is None and name == "start_method" else checked

    vars(multiprocess).update(multiprocessing=Multiprocessing(), check=Checks())


def poll_steps_sooner(seconds: float) -> None:
    """Have executors that start a pod for each step look for events this often by default.

    Dagster's default is a second (`step_delegating_executor._default_sleep_seconds`). Only code
    that is loaded already may have such an executor.
    """
    module = sys.modules.get("dagster._core.executor.step_delegating.step_delegating_executor")
    if module and "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS" not in os.environ:
        vars(module).update(_default_sleep_seconds=lambda: seconds)


def watch_logs_cheaply() -> None:
    """Start the process that watches the copying of a step's output without site packages.

    Dagster's script needs none (`dagster._core.execution.scripts.watch_orphans`), and they may take
    long to import.
    """

    class Subprocess:
        def __getattr__(self, name: str) -> object:
            return getattr(subprocess, name)

        def Popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: N802
            if command[0] == sys.executable:
                command = [sys.executable, "-S", *command[1:]]
            return subprocess.Popen(command, **options)

    vars(compute_logs).update(subprocess=Subprocess())
