"""Requests of the typed API that need the definitions, with one function for each.

Each takes the fields of the request and returns the fields of the reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from codeserver.messages import CATALOG
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing import lookup, partition_keys, plan, selection
from codeserver.worker.describing.configs import config_types, config_yaml, json_schema
from codeserver.worker.describing.definitions import catalog, jobs, structure
from codeserver.worker.describing.plain import as_value, encoded
from codeserver.worker.loading.location import Location
from codeserver.worker.process import basics


def answer(location: Location, rpc: str, argument: str) -> str:
    """The reply to one of `NAMES` as JSON, in the format of `codeserver.worker.describing`."""
    wanted = json.loads(argument) if argument else {}
    return encoded(_ANSWERS[rpc](location, wanted))


def _catalog(location: Location, _: Mapping[str, Any]) -> dict[str, Any]:
    with basics.no_garbage_collection(), dagster.disable_dagster_warnings():
        return catalog.describe(location)


def _job(location: Location, wanted: Mapping[str, Any]) -> dict[str, Any]:
    repository, job = lookup.job(location, wanted["name"], wanted["repository"])
    job = selection.of_ops(job, wanted["op_selection"])
    configs = {
        name: config
        for name, resource in sorted(job.get_required_resource_defs().items())
        if (config := config_types.of_definition(resource)) is not None
    }
    targeting = jobs.targeting(dagster.schedules_and_sensors(repository)).get(job.name, {})
    return {
        "job": {**jobs.one(repository, job), **targeting},
        "graph": structure.of_job(job),
        "resource_configs": configs,
    }


def _asset_keys(location: Location, wanted: Mapping[str, Any]) -> dict[str, Any]:
    with dagster.disable_dagster_warnings():  # about calls that Dagster itself makes
        keys = selection.asset_keys(location, wanted["selection"], wanted["repository"])
    return {"keys": keys}


def _run_config_schema(location: Location, wanted: Mapping[str, Any]) -> dict[str, Any]:
    _, job = lookup.job(location, wanted["job"], wanted["repository"])
    job = selection.of_ops(job, wanted["op_selection"])
    root = job.run_config_schema.config_type
    title = f'Run config of job "{job.name}"'
    fields = root.schema_snapshot.get_config_snap(root.key).fields or ()
    return {
        "json_schema": as_value(json_schema.describe(root, title)),
        "default_yaml": config_yaml.describe(root, f"{title}."),
        "is_required": any(field.is_required for field in fields),
    }


_ANSWERS: dict[str, Callable[[Location, Mapping[str, Any]], dict[str, Any]]] = {
    "GetAssetGraph": _asset_keys,
    CATALOG: _catalog,
    "GetJob": _job,
    "ListPartitions": partition_keys.describe,
    "GetExecutionPlan": lambda *asked: {"plan": plan.describe(*asked)},
    "GetRunConfigSchema": _run_config_schema,
}

NAMES = tuple(_ANSWERS)
"""Names of the requests that `answer` takes."""
