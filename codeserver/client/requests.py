"""Requests, made from the arguments of a client's methods."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from codeserver.api import v1

Texts = str | Iterable[str]
"""Several texts, or a single one."""

if TYPE_CHECKING:
    Types = Iterable[v1.SensorType | str]
    """Types of sensors, as values of the enum or as their names."""

_PAGE, _KEYS = 1_000, 10_000
"""The largest page sizes, for fewer calls; messages have no limit of size."""


def jobs(
    names: Texts, tags: Texts, owners: Texts, repository: str, include_implicit: bool
) -> v1.ListJobsRequest:
    """The jobs that pass these filters."""
    return v1.ListJobsRequest(
        page_size=_PAGE,
        repository=repository,
        names=_list(names),
        tags=_list(tags),
        owners=_list(owners),
        include_implicit=include_implicit,
    )


def assets(
    *, keys: Texts, tags: Texts, groups: Texts, owners: Texts, kinds: Texts, repository: str
) -> v1.ListAssetsRequest:
    """The assets that pass these filters."""
    return v1.ListAssetsRequest(
        page_size=_PAGE,
        repository=repository,
        keys=_list(keys),
        tags=_list(tags),
        groups=_list(groups),
        owners=_list(owners),
        kinds=_list(kinds),
    )


def schedules(
    names: Texts, tags: Texts, owners: Texts, jobs: Texts, repository: str
) -> v1.ListSchedulesRequest:
    """The schedules that pass these filters."""
    return v1.ListSchedulesRequest(
        page_size=_PAGE,
        repository=repository,
        names=_list(names),
        tags=_list(tags),
        owners=_list(owners),
        jobs=_list(jobs),
    )


def sensors(
    *, names: Texts, tags: Texts, owners: Texts, jobs: Texts, types: Types, repository: str
) -> v1.ListSensorsRequest:
    """The sensors that pass these filters."""
    return v1.ListSensorsRequest(
        page_size=_PAGE,
        repository=repository,
        names=_list(names),
        tags=_list(tags),
        owners=_list(owners),
        jobs=_list(jobs),
        types=types,
    )


def resources(names: Texts, types: Texts, repository: str) -> v1.ListResourcesRequest:
    """The resources that pass these filters."""
    return v1.ListResourcesRequest(
        page_size=_PAGE, repository=repository, names=_list(names), types=_list(types)
    )


def job(name: str, repository: str, op_selection: Texts) -> v1.GetJobRequest:
    """One job, or the selected ops of it."""
    return v1.GetJobRequest(name=name, repository=repository, op_selection=_list(op_selection))


def plan(
    job: str,
    *,
    run_config: str | Mapping[str, Any] | None,
    partition_key: str,
    op_selection: Texts,
    asset_selection: Texts,
    repository: str,
) -> v1.GetExecutionPlanRequest:
    """The steps of a run with this config.

    Raises:
        TypeError: the run config is a mapping with a value that JSON cannot express.
    """
    return v1.GetExecutionPlanRequest(
        job=job,
        repository=repository,
        run_config=_text(run_config),
        partition_key=partition_key,
        op_selection=_list(op_selection),
        asset_selection=_list(asset_selection),
    )


def run_config_schema(
    job: str, repository: str, op_selection: Texts
) -> v1.GetRunConfigSchemaRequest:
    """The run config of a job, or of the selected ops of it."""
    return v1.GetRunConfigSchemaRequest(
        job=job, repository=repository, op_selection=_list(op_selection)
    )


def partitions(
    *,
    job: str,
    asset: str,
    repository: str,
    reverse: bool,
    page_size: int = _KEYS,
    page_token: str = "",
) -> v1.ListPartitionsRequest:
    """A page of the partition keys of a job or asset.

    Raises:
        TypeError: both are given, or neither.
    """
    if bool(job) == bool(asset):
        raise TypeError("give the name of a job or the key of an asset, one of them")
    request = v1.ListPartitionsRequest(
        repository=repository, reverse=reverse, page_size=page_size, page_token=page_token
    )
    if job:
        request.job = job
    else:
        request.asset = asset
    return request


def _list(given: Texts) -> list[str]:
    """The texts as a list. A single text is a list of one, not of its letters."""
    return [given] if isinstance(given, str) else list(given)


def _text(run_config: str | Mapping[str, Any] | None) -> str:
    if run_config is None or isinstance(run_config, str):
        return run_config or ""
    try:
        return json.dumps(run_config)
    except (TypeError, ValueError) as error:
        raise TypeError(f"run_config cannot be sent as JSON: {error}") from None
