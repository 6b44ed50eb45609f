"""Tables of definitions, one for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from codeserver.api import v1
from codeserver.cli.printing.tables import Column, Table
from codeserver.cli.printing.words import counted, duration, first_line, listed, seconds_of, tags

_DIM = ("Tags", "Owners", "Repository")
_SENTENCE = 24
_IMPLICIT = "__ASSET_JOB"
"""Beginning of Dagster's names for the jobs that materialize manually selected assets."""


def _columns(name: str, *others: str) -> list[Column]:
    columns = [Column(each, "dim" if each in _DIM else "") for each in others]
    last = columns.pop()
    return [Column(name, "bold"), *columns, Column(last.title, "dim", least=_SENTENCE)]


def _repository(found: Sequence[Any]) -> Callable[[Any], str]:
    """The repository of a definition; empty if all are in one repository."""
    several = len({each.repository for each in found}) > 1
    return lambda each: str(each.repository) if several else ""


def jobs(found: Sequence[v1.Job]) -> Table:
    """Jobs, with their schedules and sensors."""
    repository = _repository(found)
    columns = _columns(
        *("Job", "Repository", "Assets", "Partitions", "Schedules", "Sensors"),
        *("Tags", "Owners", "Description"),
    )
    rows = [
        [
            *(job.name, repository(job)),
            counted(len(job.asset_keys), "asset") if job.asset_keys else "",
            partitioning(job),
            *(listed(job.schedules), listed(job.sensors), tags(job.tags), listed(job.owners)),
            first_line(job.description),
        ]
        for job in found
    ]
    return Table(columns, rows)


def assets(found: Sequence[v1.Asset]) -> Table:
    """Assets, with their dependencies."""
    repository = _repository(found)
    columns = _columns(
        *("Asset", "Repository", "Group", "Kinds", "Dependencies", "Partitions"),
        *("Checks", "Automation"),
        *("Tags", "Owners", "Description"),
    )
    rows = [
        [
            *(asset.key, repository(asset), asset.group, listed(_kinds(asset))),
            listed(each.key for each in asset.dependencies),
            *(partitioning(asset), listed(check.name for check in asset.checks)),
            *(asset.automation_condition, tags(asset.tags), listed(asset.owners)),
            first_line(asset.description),
        ]
        for asset in found
    ]
    return Table(columns, rows)


def checks(found: Sequence[Mapping[str, Any]]) -> Table:
    """Checks, with their assets and jobs."""
    several = len({each["repository"] for each in found}) > 1
    columns = _columns(
        *("Check", "Repository", "Asset", "Blocking", "Additional assets", "Jobs", "Description")
    )
    rows = [
        [
            *(each["name"], each["repository"] if several else "", each["asset"]),
            "what is downstream" if each["is_blocking"] else "",
            listed(each["additional_keys"]),
            listed(job for job in each["jobs"] if not job.startswith(_IMPLICIT)),
            first_line(each["description"]),
        ]
        for each in found
    ]
    return Table(columns, rows)


def _kinds(asset: v1.Asset) -> list[str]:
    words = {
        v1.Asset.EXECUTION_EXTERNAL: ["external"],
        v1.Asset.EXECUTION_OBSERVATION: ["observable"],
    }
    return words.get(asset.execution, []) + list(asset.kinds)


def schedules(found: Sequence[v1.Schedule]) -> Table:
    """Schedules, with their cron expressions and targets."""
    repository = _repository(found)
    columns = _columns(
        *("Schedule", "Repository", "Cron", "Time zone", "Target", "Default status"),
        *("Tags", "Owners", "Description"),
    )
    rows = [
        [
            *(each.name, repository(each), "; ".join(each.cron_schedules), each.timezone or "UTC"),
            *(each.asset_selection or each.job, _status(each.default_status)),
            *(tags(each.tags), listed(each.owners), first_line(each.description)),
        ]
        for each in found
    ]
    return Table(columns, rows)


def sensors(found: Sequence[v1.Sensor]) -> Table:
    """Sensors, with their monitored assets and targets."""
    repository = _repository(found)
    columns = _columns(
        *("Sensor", "Repository", "Type", "Monitored assets", "Target", "Interval"),
        *("Default status", "Tags", "Owners", "Description"),
    )
    rows = [
        [
            *(each.name, repository(each), _type(each.type), listed(each.monitored_assets)),
            listed([*each.jobs, *([each.asset_selection] if each.asset_selection else [])]),
            *(_interval(each), _status(each.default_status)),
            *(tags(each.tags), listed(each.owners), first_line(each.description)),
        ]
        for each in found
    ]
    return Table(columns, rows)


def resources(found: Sequence[v1.Resource]) -> Table:
    """Resources, with the variables of their values and the number of their users."""
    repository = _repository(found)
    columns = _columns("Resource", "Repository", "Type", "Values", "Users", "Description")
    rows = [
        [
            *(each.name, repository(each), each.type),
            *(listed(map(_value, each.values)), _users(each), first_line(each.description)),
        ]
        for each in found
    ]
    return Table(columns, rows)


def _value(value: v1.ResourceValue) -> str:
    """The field and its variable. Only the JSON has the value itself."""
    variable = value.environment_variable
    return f"{value.name} from ${variable}" if variable else value.name


def _users(resource: v1.Resource) -> str:
    many = {
        "job": len(resource.jobs),
        "asset": len(resource.asset_keys),
        "schedule": len(resource.schedules),
        "sensor": len(resource.sensors),
    }
    return listed(counted(number, noun) for noun, number in many.items() if number)


def partitioning(found: v1.Job | v1.Asset) -> str:
    """Its partitions in a few words; empty without partitions."""
    if not found.HasField("partitions"):
        return ""
    from codeserver.drawing.facts import partitioning

    return partitioning(found.partitions)


def _status(status: v1.DefaultStatus) -> str:
    words = {v1.DEFAULT_STATUS_RUNNING: "running", v1.DEFAULT_STATUS_STOPPED: "stopped"}
    return words.get(status, "")


def _type(kind: v1.SensorType) -> str:
    known = v1.SensorType.DESCRIPTOR.values_by_number.get(kind)
    return str(known.name).removeprefix("SENSOR_TYPE_").lower().replace("_", " ") if known else ""


def _interval(sensor: v1.Sensor) -> str:
    if not sensor.HasField("minimum_interval"):
        return ""
    return duration(round(seconds_of(sensor.minimum_interval)))


TABLES: Mapping[str, Callable[[Any], Table]] = {
    "jobs": jobs,
    "assets": assets,
    "checks": checks,
    "schedules": schedules,
    "sensors": sensors,
    "resources": resources,
}
