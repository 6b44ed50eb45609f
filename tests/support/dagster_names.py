"""What the tests need of Dagster, where the installed version has it; and what that version has."""

from __future__ import annotations

import inspect
from typing import Any

import dagster as dg
from dagster._core.definitions import asset_selection
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._utils import container

try:
    from dagster._core.definitions import freshness as _freshness
except ImportError:  # before Dagster 1.10.12
    _freshness = None

try:
    from dagster_shared.error import SerializableErrorInfo
except ImportError:  # before Dagster 1.10.12
    from dagster._utils.error import SerializableErrorInfo

__all__ = ["SerializableErrorInfo"]

_POLICY: Any = getattr(
    _freshness, "FreshnessPolicy", getattr(_freshness, "InternalFreshnessPolicy", None)
)

HAS_AUTOLOAD = hasattr(LoadableTargetOrigin, "autoload_defs_module_name")
STATE_STORAGE = ""
"""The class that keeps component state in files; empty without any."""
if hasattr(dg.DagsterInstance, "defs_state_storage"):
    from dagster._core.storage.defs_state import blob_storage_state_storage as _keeping

    _is_newer = hasattr(_keeping, "UPathDefsStateStorage")
    STATE_STORAGE = "UPathDefsStateStorage" if _is_newer else "BlobStorageStateStorage"

HAS_FRESHNESS = hasattr(_POLICY, "cron") and hasattr(_POLICY, "time_window")
HAS_MONITORED_ASSETS = "_monitored_assets" in inspect.getsource(dg.MultiAssetSensorDefinition)
HAS_PAGES = hasattr(dg, "partition_loading_context")
HAS_STATE = hasattr(dg, "StateBackedComponent")
HAS_WILDCARDS = hasattr(asset_selection, "KeyWildCardAssetSelection")
MARKS_SECRETS = "is_secret" in inspect.signature(dg.Field).parameters
OMITS_CACHES = hasattr(container, "memory_stat_path_cgroup_v1")  # of files, from memory in use
EXCLUDES_WINDOWS = "exclusions" in inspect.signature(dg.TimeWindowPartitionsDefinition).parameters


def has_rpc(name: str) -> bool:
    """Whether Dagster's service has this RPC."""
    return name in pb.DESCRIPTOR.services_by_name["DagsterApi"].methods_by_name


def freshness(how: str, *words: Any, **named: Any) -> dict[str, Any]:
    """The argument of an asset for a freshness policy, made by the method `how`; {} without any."""
    if not HAS_FRESHNESS:
        return {}
    is_public = hasattr(dg, "LegacyFreshnessPolicy")
    name = "freshness_policy" if is_public else "internal_freshness_policy"
    return {name: getattr(_POLICY, how)(*words, **named)}
