"""Partitions of a job or asset, as `PartitionsDefinition`. Calls no function of the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.plain import int32, timestamp

_KEYS_SHOWN = 3
_LONGEST_KEY_SHOWN = 60


def definition(partitions: dagster.PartitionsDefinition) -> dict[str, Any]:
    """Describe a partitions definition."""
    if isinstance(partitions, dagster.StaticPartitionsDefinition):
        return _static(partitions.get_partition_keys())
    if isinstance(partitions, dagster.TimeWindowPartitionsDefinition):
        return _time_window(partitions)
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        return _multi(partitions)
    if isinstance(partitions, dagster.DynamicPartitionsDefinition):
        if partitions.name is None:
            return {"kind": "KIND_FUNCTION", "description": "Whatever a function gives."}
        return {
            "kind": "KIND_DYNAMIC",
            "description": f'Keys kept in the Dagster instance as "{partitions.name}".',
            "dynamic_name": partitions.name,
        }
    return {"description": type(partitions).__name__}


def field(partitions: dagster.PartitionsDefinition | None) -> dict[str, Any]:
    """The field `partitions`; no field without partitions."""
    return {} if partitions is None else {"partitions": definition(partitions)}


def _static(keys: Sequence[str]) -> dict[str, Any]:
    shown = ", ".join(each[:_LONGEST_KEY_SHOWN] for each in keys[:_KEYS_SHOWN])
    end = ", ..." if len(keys) > _KEYS_SHOWN else "."
    count = "1 key" if len(keys) == 1 else f"{len(keys):,} keys"
    return {
        "kind": "KIND_STATIC",
        "description": f"{count}: {shown}{end}" if keys else "No keys.",
        "static_count": int32(len(keys)),
    }


def _time_window(partitions: dagster.TimeWindowPartitionsDefinition) -> dict[str, Any]:
    windows: dict[str, Any] = {
        "cron_schedule": partitions.cron_schedule,
        "timezone": partitions.timezone,
        "start": timestamp(partitions.start),
        "format": partitions.fmt,
        "end_offset": partitions.end_offset,
    }
    description = str(partitions)
    if partitions.end is not None:
        windows["end"] = timestamp(partitions.end)
    if getattr(partitions, "exclusions", None):
        description += " Some windows are left out."
    return {"kind": "KIND_TIME_WINDOW", "description": description, "time_windows": windows}


def _multi(partitions: dagster.MultiPartitionsDefinition) -> dict[str, Any]:
    dimensions = sorted(partitions.partitions_defs, key=lambda each: each.name)
    names = ", ".join(dimension.name for dimension in dimensions)
    return {
        "kind": "KIND_MULTI",
        "description": f"By {names}.",
        "dimensions": [
            {"name": dimension.name, "partitions": definition(dimension.partitions_def)}
            for dimension in dimensions
        ],
    }
