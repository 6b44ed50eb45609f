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
            "name": found.name,
            "repository": snapshot.name,
            "cron_schedules": [crons] if isinstance(crons, str) else list(crons),
            "default_status": _status(found.default_status),
            **present(
                description=found.description,
                timezone=found.execution_timezone,
                job=found.job_name,
                asset_selection=_selection(found.asset_selection),
                tags=dict(found.tags),
                owners=list(found.owners or ()),
                metadata=metadata.entries(found.metadata),
            ),
        }


def sensors(
    repository: dagster.RepositoryDefinition, snapshot: dagster.RepositorySnap
) -> Iterator[dict[str, Any]]:
    """Describe each sensor, ordered by name."""
    for found in sorted(snapshot.sensors, key=lambda each: each.name):
        kind = found.sensor_type.value if found.sensor_type else ""
        sensor = {
            "name": found.name,
            "repository": snapshot.name,
            "default_status": _status(found.default_status),
            **present(
                description=found.description,
                jobs=sorted(found.target_dict),
                asset_selection=_selection(found.asset_selection),
                monitored_assets=_monitored(repository, found),
                tags=dict(found.tags),
                owners=list(found.owners or ()),
                metadata=metadata.entries(
                    found.metadata.standard_metadata if found.metadata else None
                ),
            ),
        }
        if kind in _SENSOR_TYPES:
            sensor["type"] = f"SENSOR_TYPE_{kind}"
        if found.min_interval is not None:
            sensor["minimum_interval"] = duration(found.min_interval)
        yield sensor


def _status(found: Any) -> str:
    # A snapshot has a status only if it is RUNNING.
    return "DEFAULT_STATUS_RUNNING" if found is not None else "DEFAULT_STATUS_STOPPED"


def _selection(found: dagster.AssetSelection | None) -> str:
    return "" if found is None else str(found)


def _monitored(repository: dagster.RepositoryDefinition, found: dagster.SensorSnap) -> list[str]:
    """Keys of the assets that an asset sensor or a multi-asset sensor monitors."""
    keys = set((found.metadata.asset_keys if found.metadata else None) or ())
    sensor = repository.get_sensor_def(found.name)
    if isinstance(sensor, dagster.MultiAssetSensorDefinition):
        watched = sensor._monitored_assets  # Dagster has no public name for it
        if isinstance(watched, dagster.AssetSelection):
            # Some of them may be in other locations.
            keys.update(watched.resolve(repository.asset_graph, allow_missing=True))
        else:
            keys.update(watched)
    return sorted(key.to_user_string() for key in keys)
