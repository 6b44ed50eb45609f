"""The assets of a repository, as `Asset`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.definitions import metadata, partitions, policies
from codeserver.worker.describing.plain import int32, one_line, present

_KIND_TAG = "dagster/kind/"
"""Prefix of tags that represent kinds, as in Dagster's `KIND_PREFIX`."""

_EXECUTIONS = {
    dagster.AssetExecutionType.MATERIALIZATION: "EXECUTION_MATERIALIZATION",
    dagster.AssetExecutionType.OBSERVATION: "EXECUTION_OBSERVATION",
}

_BUILTIN_MAPPINGS = dagster.get_builtin_partition_mapping_types()


def describe(
    repository: dagster.RepositoryDefinition, snapshot: dagster.RepositorySnap
) -> Iterator[dict[str, Any]]:
    """Describe each asset, ordered by key in string form."""
    checks = _checks(snapshot)
    graph = repository.asset_graph
    fields: dict[int, dict[str, Any]] = {}  # many assets share one partitions definition
    for found in sorted(snapshot.asset_nodes, key=lambda each: each.asset_key.to_user_string()):
        node = graph.get(found.asset_key)
        if id(node.partitions_def) not in fields:
            fields[id(node.partitions_def)] = partitions.field(node.partitions_def)
        yield {
            "key": found.asset_key.to_user_string(),
            "repository": snapshot.name,
            **_facts(found),
            "execution": _EXECUTIONS.get(found.execution_type, "EXECUTION_EXTERNAL"),
            **present(
                dependencies=[
                    _dependency(node, edge.parent_asset_key) for edge in found.parent_edges
                ],
                checks=checks.get(found.asset_key),
                resources=_resources(found, node),
            ),
            **fields[id(node.partitions_def)],
            **policies.freshness(dagster.freshness_of(found)),
            **policies.condition(node.automation_condition),
            **_backfill(found),
        }


def _facts(found: dagster.AssetNodeSnap) -> dict[str, Any]:
    tags = found.tags or {}
    kinds = {tag.removeprefix(_KIND_TAG) for tag in tags if tag.startswith(_KIND_TAG)}
    if found.compute_kind:
        kinds.add(found.compute_kind)
    return present(
        group=found.group_name,
        description=found.description,
        kinds=sorted(kinds),
        tags={tag: value for tag, value in tags.items() if not tag.startswith(_KIND_TAG)},
        owners=list(found.owners or ()),
        metadata=metadata.entries(found.metadata),
        op=found.op_name,
        jobs=list(found.job_names),
        code_version=found.code_version,
        pools=dagster.pools_of(found),
    )


def _resources(found: dagster.AssetNodeSnap, node: dagster.AssetNode) -> list[str]:
    """Names of the resources that the asset's op, or the ops of its graph, need."""
    if found.graph_name is None:
        return list(found.required_top_level_resources or ())
    definition = node.assets_def.node_def
    needed = {
        key
        for each in definition.iterate_node_defs()
        if isinstance(each, dagster.OpDefinition)
        for key in each.required_resource_keys
    }
    return sorted(needed)


def _dependency(node: dagster.AssetNode, upstream: dagster.AssetKey) -> dict[str, Any]:
    found = {"key": upstream.to_user_string()}
    mapping = node.partition_mappings.get(upstream)
    if mapping is None:
        return found
    # `description` of the user's own mapping is code of the user.
    is_builtin = isinstance(mapping, _BUILTIN_MAPPINGS)
    words = one_line(mapping.description) if is_builtin else type(mapping).__name__
    return {**found, "partition_mapping": words}


def _checks(snapshot: dagster.RepositorySnap) -> Mapping[Any, list[dict[str, Any]]]:
    """The asset checks, by asset key."""
    checks: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for found in sorted(snapshot.asset_check_nodes or (), key=lambda each: each.name):
        checks[found.asset_key].append(
            present(
                name=found.name,
                description=found.description,
                is_blocking=found.blocking,
                additional_keys=sorted(key.to_user_string() for key in found.additional_asset_keys),
                jobs=sorted(found.job_names),
            )
        )
    return checks


def _backfill(found: dagster.AssetNodeSnap) -> dict[str, int]:
    policy = found.backfill_policy
    if policy is None:
        return {}
    return {"max_partitions_per_run": int32(policy.max_partitions_per_run or 0)}
