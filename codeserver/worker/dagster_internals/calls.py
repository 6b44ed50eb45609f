"""Calls of Dagster that its versions take in different ways."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from codeserver.worker.dagster_internals import moved, names
from codeserver.worker.dagster_internals.features import AUTOLOAD, known, parameters


def parse_asset_selection(text: str) -> None:
    """Raise the parser's own error for an asset selection, which Dagster hides."""
    # Imported here, because the parser is slow to import and rarely needed.
    from dagster._core.definitions.antlr_asset_selection import antlr_asset_selection

    antlr_asset_selection.AntlrAssetSelectionParser(text)


def origin_of(executable_path: str, target: Mapping[str, Any]) -> names.LoadableTargetOrigin:
    """Dagster's description of the definitions to load.

    Raises:
        DagsterError: the installed version cannot load such a target.
    """
    if target["autoload_defs_module_name"] is not None and not AUTOLOAD:
        raise moved.DagsterError(AUTOLOAD.lack)
    taken = known(names.LoadableTargetOrigin, target)
    return names.LoadableTargetOrigin(executable_path=executable_path, **taken)


def targets_of(origin: names.LoadableTargetOrigin) -> Sequence[Any]:
    """Import the code of this origin, and find its repositories."""
    wanted = {**origin._asdict(), "resolve_lazy_defs": True}
    return names.get_loadable_targets(**known(names.get_loadable_targets, wanted))


def listing_of(symbols: Sequence[names.LoadableRepositorySymbol], **facts: Any) -> Any:
    """Dagster's reply with all repositories, with the facts that the installed version knows."""
    made = names.ListRepositoriesResponse
    return made(symbols, **known(made, facts))


def load_data_of(state: moved.DefsStateInfo | None, location_name: str | None) -> Any:
    """Dagster's data of a load, with component state and the name of the location."""
    wanted = {"defs_state_info": state, "code_location_name": location_name}
    made = names.RepositoryLoadData
    return made(**known(made, wanted))


def fields_of(record: Any) -> dict[str, Any]:
    """The values of a record of Dagster's, by name."""
    return {name: getattr(record, name) for name in parameters(type(record))}


def schedules_and_sensors(repository: names.RepositoryDefinition) -> names.RepositorySnap:
    """A `RepositorySnap` with only schedules and sensors."""
    schedules, sensors = repository.schedule_defs, repository.sensor_defs
    facts = {
        "name": repository.name,
        "schedules": [names.ScheduleSnap.from_def(each, repository) for each in schedules],
        "partition_sets": [],
        "sensors": [names.SensorSnap.from_def(each, repository) for each in sensors],
    }
    # Versions before 1.11 look up the names of types in the module of the caller.
    code = "RepositorySnap(**facts)"
    found: names.RepositorySnap = eval(code, vars(names.external_data), {"facts": facts})
    return found


def is_asset_job(job: names.JobDefinition) -> bool:
    """Whether the job materializes assets."""
    return bool(selected_asset_keys(job))


def owners(definition: Any) -> list[str]:
    """The owners of a job, or of a schedule or a sensor."""
    return list(getattr(definition, "owners", None) or ())


def freshness_of(asset: names.AssetNodeSnap) -> moved.FreshnessPolicy | None:
    """The freshness policy of an asset; in 1.10, that of the kind that 1.11 has."""
    found: moved.FreshnessPolicy | None = _either(
        asset, "internal_freshness_policy", "freshness_policy"
    )
    return found


def pools_of(asset: names.AssetNodeSnap) -> list[str]:
    """The pools of the ops that make an asset, in alphabetical order."""
    return sorted(getattr(asset, "pools", None) or ())


def hooks_of(assets: Any) -> Collection[names.HookDefinition]:
    """The hooks of an `AssetsDefinition`."""
    return getattr(assets, "hook_defs", None) or ()


def monitored_assets(sensor: names.MultiAssetSensorDefinition) -> Any:
    """The assets that a sensor monitors, as keys or as a selection; none before 1.12 tells them."""
    return getattr(sensor, "_monitored_assets", ())


def operator_of(condition: Any) -> str | None:
    """The operator of a node in the snapshot of an automation condition: `and`, `or` or `not`."""
    if hasattr(condition, "operator_type"):
        found: str | None = condition.operator_type
        return found
    operators = {f"{name.capitalize()}AutomationCondition": name for name in ("and", "or", "not")}
    return operators.get(condition.class_name)


def selected_asset_keys(job: names.JobDefinition) -> Collection[names.AssetKey]:
    """The keys of the assets that the job materializes."""
    found: Collection[names.AssetKey] = _either(
        job.asset_layer, "selected_asset_keys", "executable_asset_keys"
    )
    return found


def assets_of_node(job: names.JobDefinition, handle: names.NodeHandle) -> Any:
    """The `AssetsDefinition` of a node; None if it has none."""
    return _either(job.asset_layer, "get_assets_def_for_node", "assets_def_for_node")(handle)


def asset_key_of_output(
    job: names.JobDefinition, handle: names.NodeHandle, output: str
) -> names.AssetKey | None:
    """The key of the asset that an output of a node is."""
    find = _either(job.asset_layer, "get_asset_key_for_node_output", "asset_key_for_output")
    found: names.AssetKey | None = find(handle, output)
    return found


def _either(owner: object, newer: str, older: str) -> Any:
    return getattr(owner, newer if hasattr(owner, newer) else older)
