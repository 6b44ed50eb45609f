"""All definitions of a location, without the structure of jobs.

Most of the data comes from a `RepositorySnap`, and the rest from the definitions. Snapshots of jobs
are not made: they would take five times as long as everything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.definitions import assets, automation, jobs, resources
from codeserver.worker.loading.location import Location


def describe(location: Location) -> dict[str, list[dict[str, Any]]]:
    """Describe the jobs, assets, schedules, sensors and resources of all repositories.

    Each list is ordered by repository name, and then by name or key.
    """
    kinds = ("jobs", "assets", "schedules", "sensors", "resources")
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _, repository in sorted(location.repositories.items()):
        snapshot = _snapshot(repository)
        found["jobs"] += jobs.describe(repository, snapshot)
        found["assets"] += assets.describe(repository, snapshot)
        found["schedules"] += automation.schedules(snapshot)
        found["sensors"] += automation.sensors(repository, snapshot)
        found["resources"] += resources.describe(snapshot)
    return found


def _snapshot(repository: dagster.RepositoryDefinition) -> dagster.RepositorySnap:
    """Like `RepositorySnap.from_def`, without jobs and partition sets."""
    asset_nodes = dagster.asset_node_snaps_from_repo(repository)
    return dagster.copy(
        dagster.schedules_and_sensors(repository),
        asset_nodes=asset_nodes,
        resources=_resources(repository, asset_nodes),
        asset_check_nodes=dagster.asset_check_node_snaps_from_repo(repository),
    )


def _resources(
    repository: dagster.RepositoryDefinition, asset_nodes: Iterable[dagster.AssetNodeSnap]
) -> list[dagster.ResourceSnap]:
    defined = repository.get_top_level_resources()
    if not defined:
        return []
    by_asset: dict[str, list[dagster.AssetKey]] = defaultdict(list)
    for node in asset_nodes:
        for key in node.required_top_level_resources or ():
            by_asset[key].append(node.asset_key)
    by_schedule = _users(repository.schedule_defs)
    by_sensor = _users(repository.sensor_defs)
    by_job = dagster.get_resource_job_usage(repository.get_all_jobs())
    nested = dagster.get_nested_resources_map(defined, defined)
    return [
        dagster.ResourceSnap.from_def(
            resource, name, nested[name], {}, by_asset, by_job, by_schedule, by_sensor
        )
        for name, resource in defined.items()
    ]


def _users(definitions: Iterable[Any]) -> Mapping[str, list[str]]:
    """Names of the schedules or sensors that use each resource, by resource name."""
    users: dict[str, list[str]] = defaultdict(list)
    for definition in definitions:
        for key in definition.required_resource_keys or ():
            users[key].append(definition.name)
    return users
