"""The jobs of a repository, as `Job`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.definitions import metadata, partitions, policies
from codeserver.worker.describing.plain import present


def describe(
    repository: dagster.RepositoryDefinition, snapshot: dagster.RepositorySnap
) -> Iterator[dict[str, Any]]:
    """Describe each job, ordered by name."""
    targeted = targeting(snapshot)
    for job in sorted(repository.get_all_jobs(), key=lambda each: each.name):
        yield {**one(repository, job), **targeted.get(job.name, {})}


def targeting(snapshot: dagster.RepositorySnap) -> dict[str, dict[str, list[str]]]:
    """For each job, the fields `schedules` and `sensors`: names of those that target it."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for schedule in sorted(snapshot.schedules, key=lambda each: each.name):
        found[schedule.job_name]["schedules"].append(schedule.name)
    for sensor in sorted(snapshot.sensors, key=lambda each: each.name):
        for job in sensor.target_dict:
            found[job]["sensors"].append(sensor.name)
    return {job: dict(names) for job, names in found.items()}


def one(repository: dagster.RepositoryDefinition, job: dagster.JobDefinition) -> dict[str, Any]:
    """Describe a job, without the schedules and sensors that target it."""
    return {
        "name": job.name,
        "repository": repository.name,
        **present(
            description=job.description,
            tags=dict(job.tags),
            run_tags=dict(job.run_tags),
            owners=dagster.owners(job),
            metadata=metadata.entries(job.metadata),
            executor=job.executor_def.name,
            hooks=hook_names(job.hook_defs),
            is_asset_job=dagster.is_asset_job(job),
            is_implicit=dagster.is_reserved_asset_job_name(job.name),
            asset_keys=sorted(key.to_user_string() for key in dagster.selected_asset_keys(job)),
            resources=sorted(job.required_resource_keys),
            loggers=sorted(job.loggers),
            graph=job.graph.name,
        ),
        **partitions.field(job.partitions_def),
        **policies.retry(job.op_retry_policy),
    }


def hook_names(hooks: Iterable[dagster.HookDefinition]) -> list[str]:
    """The names of the hooks, in alphabetical order."""
    return sorted(hook.name for hook in hooks)
