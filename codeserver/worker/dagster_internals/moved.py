"""The names of `table`, from the places where the installed version has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as _dagster  # if there is none, that is the error

from codeserver.worker.dagster_internals.table import TABLE

if TYPE_CHECKING:  # the newest places, whose types are checked; a test compares them with the table
    from dagster._core.code_pointer import AutoloadDefsModuleCodePointer
    from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError
    from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType
    from dagster._core.definitions.assets.graph.asset_graph import AssetNode
    from dagster._core.definitions.assets.job.asset_job import is_reserved_asset_job_name
    from dagster._core.definitions.freshness import (
        CronFreshnessPolicy,
        FreshnessPolicy,
        TimeWindowFreshnessPolicy,
    )
    from dagster._core.definitions.partitions.context import partition_loading_context
    from dagster._core.definitions.partitions.definition import (
        DynamicPartitionsDefinition,
        MultiPartitionsDefinition,
        PartitionsDefinition,
        StaticPartitionsDefinition,
        TimeWindowPartitionsDefinition,
    )
    from dagster._core.definitions.partitions.utils import get_builtin_partition_mapping_types
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.snowflake_partner import set_snowflake_partner_env_var
    from dagster._core.storage.defs_state.base import DefsStateStorage, set_defs_state_storage
    from dagster.components.component.state_backed_component import StateBackedComponent
    from dagster_shared.error import DagsterError, SerializableErrorInfo
    from dagster_shared.libraries import DagsterLibraryRegistry
    from dagster_shared.record import copy
    from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo
    from dagster_shared.yaml_utils import DagsterYamlDumper, DagsterYamlLoader
else:
    globals().update({each.name: each.find() for each in TABLE})
