"""The schedules and sensors of a repository, as `Schedule` and `Sensor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.definitions import metadata
from codeserver.worker.describing.plain import duration, present

_SENSOR_TYPES = {
    *("STANDARD", "RUN_STATUS", "ASSET", "MULTI_ASSET"),
    *("FRESHNESS_POLICY", "AUTO_MATERIALIZE", "AUTOMATION"),
}


def schedules(snapshot: dagster.RepositorySnap) -> Iterator[dict[str, Any]]:
    """Describe each schedule, ordered by name."""
    for found in sorted(snapshot.schedules, key=lambda each: each.name):
        crons = found.cron_schedule
        yield {
            **_common(snapshot, found),
            "cron_schedules": [crons] if isinstance(crons, str) else list(crons),
            **present(
                timezone=found.execution_timezone,
                job=found.job_name,
                metadata=metadata.entries(found.metadata),
            ),
        }


def sensors(
    repository: dagster.RepositoryDefinition, snapshot: dagster.RepositorySnap
) -> Iterator[dict[str, Any]]:
    """Describe each sensor, ordered by name."""
    for found in sorted(snapshot.sensors, key=lambda each: each.name):
        kind = found.sensor_type.value if found.sensor_type else ""
        described = found.metadata.standard_metadata if found.metadata else None
        sensor = {
            **_common(snapshot, found),
            **present(
                jobs=sorted(found.target_dict),
                monitored_assets=_monitored(repository, found),
                metadata=metadata.entries(described),
            ),
        }
        if kind in _SENSOR_TYPES:
            sensor["type"] = f"SENSOR_TYPE_{kind}"
        if found.min_interval is not None:
            sensor["minimum_interval"] = duration(found.min_interval)
        yield sensor


def _common(snapshot: dagster.RepositorySnap, found: Any) -> dict[str, Any]:
    # A snapshot has a status only if it is RUNNING.
    status = "STOPPED" if found.default_status is None else "RUNNING"
    selection = found.asset_selection
    return {
        "name": found.name,
        "repository": snapshot.name,
        "default_status": f"DEFAULT_STATUS_{status}",
        **present(
            description=found.description,
            asset_selection="" if selection is None else str(selection),
            tags=dict(found.tags),
            owners=dagster.owners(found),
        ),
    }


def _monitored(repository: dagster.RepositoryDefinition, found: dagster.SensorSnap) -> list[str]:
    """Keys of the assets that an asset sensor or a multi-asset sensor monitors."""
    keys = set((found.metadata.asset_keys if found.metadata else None) or ())
    sensor = repository.get_sensor_def(found.name)
    if isinstance(sensor, dagster.MultiAssetSensorDefinition):
        watched = dagster.monitored_assets(sensor)
        if isinstance(watched, dagster.AssetSelection):
            # Some of them may be in other locations.
            keys.update(watched.resolve(repository.asset_graph, allow_missing=True))
        else:
            keys.update(watched)
    return sorted(key.to_user_string() for key in keys)
