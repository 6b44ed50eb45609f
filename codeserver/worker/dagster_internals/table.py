"""The table of names that are not in the same place in every version of Dagster.

Each place has the first version that has it, among those that were looked at. A name that an older
version has nowhere has a stand-in there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Name:
    """A name of Dagster's, and where it is.

    Attributes:
        name: the name here.
        places: pairs of a version and a place, `module` or `module:other_name`, newest first.
        stand_in: makes the value for versions that have it nowhere; None if all must have it.
    """

    name: str
    places: tuple[tuple[str, str], ...]
    stand_in: Callable[[str], Any] | None = None

    def look(self) -> Any | None:
        """The value in the installed version; None if it has it nowhere."""
        for _, place in self.places:
            module, _, other = place.partition(":")
            with contextlib.suppress(ModuleNotFoundError, AttributeError):
                return getattr(import_module(module), other or self.name)
        return None

    def find(self) -> Any:
        """The value in the installed version, or what stands in for it.

        Raises:
            ImportError: it has it nowhere, and nothing can stand in for it.
        """
        found = self.look()
        if found is not None:
            return found
        if self.stand_in is None:
            newest = self.places[0][1].partition(":")[0]
            raise ImportError(f"cannot import name {self.name!r} from {newest!r}", name=newest)
        return self.stand_in(self.name)


def no_instances(name: str) -> type:
    """A class without instances, for `isinstance`, and as a base of classes that are not used."""
    return type(name, (), {"__doc__": "A class that the installed Dagster does not have."})


def does_nothing(_: str) -> Callable[..., None]:
    """A function without effect."""
    return lambda *_, **__: None


def no_context(_: str) -> Callable[..., contextlib.AbstractContextManager[None]]:
    """A context manager without effect."""

    @contextlib.contextmanager
    def nothing(*_: object, **__: object) -> Iterator[None]:
        yield

    return nothing


_DEFINITIONS = "dagster._core.definitions"
_PARTITIONS = f"{_DEFINITIONS}.partitions.definition"
_FRESHNESS = f"{_DEFINITIONS}.freshness"
_STATE = "dagster._core.storage.defs_state.base"

TABLE: tuple[Name, ...] = (
    Name(
        "AssetExecutionType",
        (
            ("1.11.5", f"{_DEFINITIONS}.assets.definition.asset_spec"),
            ("1.10", f"{_DEFINITIONS}.asset_spec"),
        ),
    ),
    Name(
        "AssetNode",
        (
            ("1.11.5", f"{_DEFINITIONS}.assets.graph.asset_graph"),
            ("1.10", f"{_DEFINITIONS}.asset_graph"),
        ),
    ),
    Name(
        "AutoloadDefsModuleCodePointer",
        (("1.10.21", "dagster._core.code_pointer"),),
        no_instances,
    ),
    Name("CronFreshnessPolicy", (("1.10.21", _FRESHNESS),), no_instances),
    Name(
        "DagsterError",
        (("1.10.12", "dagster_shared.error"), ("1.10", "dagster._core.errors")),
    ),
    Name(
        "DagsterInvalidAssetSelectionError",
        (
            ("1.11.5", f"{_DEFINITIONS}.asset_selection"),
            ("1.10", "dagster._check:CheckError"),
        ),
    ),
    Name(
        "DagsterLibraryRegistry",
        (("1.10.8", "dagster_shared.libraries"), ("1.10", "dagster._core.libraries")),
    ),
    Name(
        "DagsterYamlDumper",
        (
            ("1.13.9", "dagster_shared.yaml_utils"),
            ("1.10.8", "dagster_shared.yaml_utils:DagsterRunConfigYamlDumper"),
            ("1.10", "dagster._utils.yaml_utils:DagsterRunConfigYamlDumper"),
        ),
    ),
    Name(
        "DagsterYamlLoader",
        (
            ("1.13.9", "dagster_shared.yaml_utils"),
            ("1.10.8", "dagster_shared.yaml_utils:DagsterRunConfigYamlLoader"),
            ("1.10", "dagster._utils.yaml_utils:DagsterRunConfigYamlLoader"),
        ),
    ),
    Name(
        "DefsStateInfo",
        (
            ("1.11.10", "dagster_shared.serdes.objects.models.defs_state_info"),
            ("1.11.8", "dagster_shared.serdes.objects"),
        ),
        no_instances,
    ),
    Name("DefsStateStorage", (("1.11.8", _STATE),), no_instances),
    Name(
        "DynamicPartitionsDefinition",
        (("1.11.5", _PARTITIONS), ("1.10", f"{_DEFINITIONS}.partition")),
    ),
    Name(
        "FreshnessPolicy",
        (("1.12", _FRESHNESS), ("1.10.21", f"{_FRESHNESS}:InternalFreshnessPolicy")),
        no_instances,
    ),
    Name(
        "MultiPartitionsDefinition",
        (("1.11.5", _PARTITIONS), ("1.10", f"{_DEFINITIONS}.multi_dimensional_partitions")),
    ),
    Name(
        "PartitionsDefinition",
        (("1.11.5", _PARTITIONS), ("1.10", f"{_DEFINITIONS}.partition")),
    ),
    Name(
        "RemoteRepositoryOrigin",
        (
            ("1.11.8", "dagster._core.remote_origin"),
            ("1.10", "dagster._core.remote_representation.origin"),
        ),
    ),
    Name(
        "SerializableErrorInfo",
        (("1.10.12", "dagster_shared.error"), ("1.10", "dagster._utils.error")),
    ),
    Name(
        "StateBackedComponent",
        (("1.11.8", "dagster.components.component.state_backed_component"),),
        no_instances,
    ),
    Name(
        "StaticPartitionsDefinition",
        (("1.11.5", _PARTITIONS), ("1.10", f"{_DEFINITIONS}.partition")),
    ),
    Name("TimeWindowFreshnessPolicy", (("1.10.12", _FRESHNESS),), no_instances),
    Name(
        "TimeWindowPartitionsDefinition",
        (("1.11.5", _PARTITIONS), ("1.10", f"{_DEFINITIONS}.time_window_partitions")),
    ),
    Name(
        "copy",
        (("1.10.8", "dagster_shared.record"), ("1.10", "dagster._record")),
    ),
    Name(
        "get_builtin_partition_mapping_types",
        (
            ("1.11.5", f"{_DEFINITIONS}.partitions.utils"),
            ("1.10", f"{_DEFINITIONS}.partition_mapping"),
        ),
    ),
    Name(
        "is_reserved_asset_job_name",
        (
            ("1.11.5", f"{_DEFINITIONS}.assets.job.asset_job"),
            ("1.10", f"{_DEFINITIONS}.asset_job"),
        ),
    ),
    Name(
        "partition_loading_context", (("1.11.5", f"{_DEFINITIONS}.partitions.context"),), no_context
    ),
    Name("set_defs_state_storage", (("1.11.10", _STATE),), no_context),
    Name(
        "set_snowflake_partner_env_var",
        (("1.13.26", "dagster._core.snowflake_partner"),),
        does_nothing,
    ),
)
