"""The steps that a run would execute, as `ExecutionPlan`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from graphlib import TopologicalSorter
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing import lookup, partition_keys, selection
from codeserver.worker.describing.configs import config_types, run_config_errors, secrets
from codeserver.worker.describing.definitions import policies
from codeserver.worker.describing.plain import one_line, present
from codeserver.worker.loading.location import Location

_KINDS = {
    dagster.StepKind.COMPUTE: "KIND_COMPUTE",
    dagster.StepKind.UNRESOLVED_MAPPED: "KIND_MAPPED",
    dagster.StepKind.UNRESOLVED_COLLECT: "KIND_COLLECT",
}

_SOURCES: dict[type, str] = {
    dagster.FromStepOutput: "SOURCE_STEP_OUTPUT",
    dagster.FromPendingDynamicStepOutput: "SOURCE_STEP_OUTPUT",
    dagster.FromUnresolvedStepOutput: "SOURCE_STEP_OUTPUT",
    dagster.FromDynamicCollect: "SOURCE_STEP_OUTPUT",
    dagster.FromConfig: "SOURCE_RUN_CONFIG",
    dagster.FromDefaultValue: "SOURCE_DEFAULT_VALUE",
    dagster.FromInputManager: "SOURCE_LOADED",
    dagster.FromLoadableAsset: "SOURCE_LOADED",
}
_OTHER = "SOURCE_OTHER"


def describe(location: Location, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a job, for the fields of a `GetExecutionPlanRequest`."""
    repository, whole = lookup.job(location, wanted["job"], wanted["repository"])
    if wanted["op_selection"] and wanted["asset_selection"]:
        what = "Give op_selection or asset_selection, not both."
        raise lookup.invalid("asset_selection", what)
    given = _given(wanted["run_config"])
    job = selection.of_ops(whole, wanted["op_selection"])
    job = selection.of_assets(job, wanted["asset_selection"])
    config, tags = _launched(location, whole, job, wanted["partition_key"])
    plan = _plan(repository, job, config if given is None else given, tags)
    root = job.run_config_schema.config_type
    shown = config_types.without_secrets(secrets.of_run_config(root), root.key, config)
    return {
        "job": job.name,
        "repository": repository.name,
        **_steps(job, plan),
        **present(
            executor=plan.executor_name or job.executor_def.name,
            is_persisted=plan.artifacts_persisted,
            default_run_config=_as_yaml(shown) if given is None and shown else "",
        ),
    }


def _launched(
    location: Location, whole: dagster.JobDefinition, job: dagster.JobDefinition, key: str
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """The run config and tags with which Dagster launches a run by default."""
    if not key:
        return whole.run_config or {}, {}
    with partition_keys.loading(location, partition_keys.of_job(job)) as partitions:
        partition_keys.check(partitions, key)
        config = whole.get_run_config_for_partition_key(key)
        tags = dagster.tags_of_partition(job, key)
    return config, tags


def _plan(
    repository: dagster.RepositoryDefinition,
    job: dagster.JobDefinition,
    config: Mapping[str, Any],
    tags: Mapping[str, str],
) -> dagster.ExecutionPlan:
    try:
        return dagster.create_execution_plan(
            job, run_config=config, tags=tags, repository_load_data=repository.repository_load_data
        )
    except dagster.DagsterInvalidConfigError as error:
        raise run_config_errors.refusal(job, error) from None
    except (
        dagster.DagsterInvariantViolationError,
        dagster.DagsterUnmetExecutorRequirementsError,
    ) as error:
        # An input without a value, or an executor to which values cannot be passed.
        raise lookup.invalid("run_config", one_line(error)) from None
    except dagster.check.CheckError:
        # Dagster expects strings as keys of a mapping.
        if odd := _odd_key(config):
            what = f"The key {odd[0]!r} in the run config must be a text; put it in quotes."
            raise lookup.invalid("run_config", what) from None
        raise


def _steps(job: dagster.JobDefinition, plan: dagster.ExecutionPlan) -> dict[str, Any]:
    steps = [_step(job, plan, each) for each in plan.step_dict.values()]
    upstream = {step["key"]: step.get("upstream", []) for step in steps}
    levels: dict[str, int] = {}
    for key in TopologicalSorter(upstream).static_order():
        levels[key] = max((levels[each] + 1 for each in upstream[key]), default=0)
    for step in steps:
        step.update(present(level=levels[step["key"]]))
    return present(
        # The sort is stable, and keeps Dagster's order within a level.
        steps=sorted(steps, key=lambda step: levels[step["key"]]),
        levels=max(levels.values(), default=-1) + 1,
        width=max(Counter(levels.values()).values(), default=0),
    )


def _step(
    job: dagster.JobDefinition, plan: dagster.ExecutionPlan, step: dagster.IExecutionStep
) -> dict[str, Any]:
    inputs = [_input(job, step, each) for each in step.step_inputs]
    return {
        "key": step.key,
        "handle": str(step.node_handle),
        "kind": _KINDS[step.kind],
        **present(
            inputs=inputs,
            outputs=[_output(job, step, each) for each in step.step_outputs],
            upstream=_upstream(step, inputs),
            tags=dict(step.tags or {}),
            pool=step.pool,
            resources=sorted(dagster.get_required_resource_keys_for_step(job, step, plan)),
        ),
        **policies.retry(job.get_retry_policy_for_handle(step.node_handle)),
    }


def _upstream(step: dagster.IExecutionStep, inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys of the steps that a step waits for, in alphabetical order."""
    keys = {handle["step"] for each in inputs for handle in each.get("upstream", ())}
    for each in step.step_inputs:
        if isinstance(each.source, dagster.StepInputSource):
            # Includes steps that must come first but pass no value.
            keys |= each.source.step_key_dependencies
    return sorted(keys)


def _input(job: dagster.JobDefinition, step: dagster.IExecutionStep, found: Any) -> dict[str, Any]:
    definition = job.get_node(step.node_handle).definition.input_def_named(found.name)
    if isinstance(found, dagster.StepInput):
        handles = found.get_step_output_handle_dependencies()
    else:
        handles = found.get_step_output_handle_deps_with_placeholders()
    return {
        "name": found.name,
        "type": definition.dagster_type.display_name,
        "source": _source(found.source),
        **present(
            upstream=[{"step": each.step_key, "output": each.output_name} for each in handles]
        ),
    }


def _source(source: Any) -> str:
    if isinstance(source, dagster.FromMultipleSourcesLoadSingleSource):
        return _source(source.source_to_load_from)
    if isinstance(source, dagster.FromMultipleSources):
        kinds = {_source(each) for each in source.sources}
        return "SOURCE_STEP_OUTPUT" if "SOURCE_STEP_OUTPUT" in kinds else min(kinds)
    return next((kind for known, kind in _SOURCES.items() if isinstance(source, known)), _OTHER)


def _output(job: dagster.JobDefinition, step: dagster.IExecutionStep, found: Any) -> dict[str, Any]:
    definition = job.get_node(step.node_handle).definition.output_def_named(found.name)
    key = found.properties.asset_key
    return {
        "name": found.name,
        "type": definition.dagster_type.display_name,
        **present(
            is_required=found.is_required,
            is_dynamic=found.is_dynamic,
            asset_key=key.to_user_string() if key else None,
        ),
    }


def _given(text: str) -> Mapping[str, Any] | None:
    """The run config in a YAML or JSON text; None if the text is empty."""
    try:
        found = _parsed(text)
    except dagster.yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = f"is not YAML{where}: {error.problem}"
    except RecursionError:
        what = "is nested too deeply"
    # TypeError is an unhashable key, and ValueError a date that does not exist.
    except (dagster.yaml.YAMLError, TypeError, ValueError) as error:
        what = f"is not YAML: {one_line(error)}"
    else:
        if found is None or isinstance(found, dict):
            return found
        what = f"must be a mapping, not a {type(found).__name__}"
    raise lookup.invalid("run_config", f"The run config {what}.")


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            # YAML would reject tabs, and read 1e3 as a string.
            return json.loads(text)
    return dagster.yaml.load(text, Loader=dagster.DagsterYamlLoader)


def _odd_key(config: Any) -> list[Any]:
    """A list with one key, at any level, that is not a string; empty if there is none."""
    if isinstance(config, list):
        return next((found for each in config if (found := _odd_key(each))), [])
    if not isinstance(config, dict):
        return []
    for key, value in config.items():
        if not isinstance(key, str):
            return [key]
        if found := _odd_key(value):
            return found
    return []


def _as_yaml(config: Mapping[str, Any]) -> str:
    """The run config as YAML."""
    plain = json.loads(
        json.dumps(config, default=lambda value: getattr(value, "name", None) or str(value))
    )
    return str(
        dagster.yaml.dump(
            plain, Dumper=dagster.DagsterYamlDumper, sort_keys=False, allow_unicode=True
        )
    )
