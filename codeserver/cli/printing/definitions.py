"""Tables of definitions, one for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from codeserver.api import v1
from codeserver.cli.printing.tables import Column, Table
from codeserver.cli.printing.words import counted, duration, first_line, listed, seconds_of, tags

_SENTENCE = 24
_IMPLICIT = "__ASSET_JOB"
"""Beginning of Dagster's names for the jobs that materialize manually selected assets."""


def table(kind: str, found: Sequence[Any]) -> Table:
    """The table of the definitions of a kind, which are mappings or messages."""
    rows = [SimpleNamespace(**each) if isinstance(each, Mapping) else each for each in found]
    several = len({each.repository for each in rows}) > 1
    return Table.of(
        rows,
        {
            Column(kind[:-1].capitalize(), "bold"): attrgetter(
                "key" if kind == "assets" else "name"
            ),
            Column("Repository", "dim"): lambda each: each.repository if several else "",
            **{
                Column(title, "dim" if title in _TAGS_AND_OWNERS else ""): cell
                for title, cell in _CELLS[kind].items()
            },
            Column("Description", "dim", least=_SENTENCE): lambda each: first_line(
                each.description
            ),
        },
    )


def _partitioning(found: v1.Job | v1.Asset) -> str:
    """Its partitions in a few words; empty without partitions."""
    if not found.HasField("partitions"):
        return ""
    from codeserver.drawing.facts import partitioning

    return partitioning(found.partitions)


def _kinds(asset: v1.Asset) -> str:
    words = {
        v1.Asset.EXECUTION_EXTERNAL: ["external"],
        v1.Asset.EXECUTION_OBSERVATION: ["observable"],
    }
    return listed(words.get(asset.execution, []) + list(asset.kinds))


def _values(resource: v1.Resource) -> str:
    """The fields and their variables. Only the JSON has the values themselves."""
    return listed(
        f"{each.name} from ${each.environment_variable}" if each.environment_variable else each.name
        for each in resource.values
    )


def _users(resource: v1.Resource) -> str:
    many = {
        "job": len(resource.jobs),
        "asset": len(resource.asset_keys),
        "schedule": len(resource.schedules),
        "sensor": len(resource.sensors),
    }
    return listed(counted(number, noun) for noun, number in many.items() if number)


def _status(found: v1.Schedule | v1.Sensor) -> str:
    words = {v1.DEFAULT_STATUS_RUNNING: "running", v1.DEFAULT_STATUS_STOPPED: "stopped"}
    return words.get(found.default_status, "")


def _type(sensor: v1.Sensor) -> str:
    known = v1.SensorType.DESCRIPTOR.values_by_number.get(sensor.type)
    return str(known.name).removeprefix("SENSOR_TYPE_").lower().replace("_", " ") if known else ""


def _interval(sensor: v1.Sensor) -> str:
    if not sensor.HasField("minimum_interval"):
        return ""
    return duration(round(seconds_of(sensor.minimum_interval)))


_Cells = Mapping[str, Callable[[Any], str]]

_TAGS_AND_OWNERS: _Cells = {
    "Tags": lambda each: tags(each.tags),
    "Owners": lambda each: listed(each.owners),
}

_CELLS: Mapping[str, _Cells] = {
    "jobs": {
        "Assets": lambda job: counted(len(job.asset_keys), "asset") if job.asset_keys else "",
        "Partitions": _partitioning,
        "Schedules": lambda job: listed(job.schedules),
        "Sensors": lambda job: listed(job.sensors),
        **_TAGS_AND_OWNERS,
    },
    "assets": {
        "Group": lambda asset: asset.group,
        "Kinds": _kinds,
        "Dependencies": lambda asset: listed(each.key for each in asset.dependencies),
        "Partitions": _partitioning,
        "Checks": lambda asset: listed(check.name for check in asset.checks),
        "Automation": lambda asset: asset.automation_condition,
        **_TAGS_AND_OWNERS,
    },
    "checks": {
        "Asset": lambda check: check.asset,
        "Blocking": lambda check: "what is downstream" if check.is_blocking else "",
        "Additional assets": lambda check: listed(check.additional_keys),
        "Jobs": lambda check: listed(job for job in check.jobs if not job.startswith(_IMPLICIT)),
    },
    "schedules": {
        "Cron": lambda schedule: "; ".join(schedule.cron_schedules),
        "Time zone": lambda schedule: schedule.timezone or "UTC",
        "Target": lambda schedule: schedule.asset_selection or schedule.job,
        "Default status": _status,
        **_TAGS_AND_OWNERS,
    },
    "sensors": {
        "Type": _type,
        "Monitored assets": lambda sensor: listed(sensor.monitored_assets),
        "Target": lambda sensor: listed(filter(None, (*sensor.jobs, sensor.asset_selection))),
        "Interval": _interval,
        "Default status": _status,
        **_TAGS_AND_OWNERS,
    },
    "resources": {
        "Type": lambda resource: resource.type,
        "Values": _values,
        "Users": _users,
    },
}
"""For each kind, the columns between repository and description."""
