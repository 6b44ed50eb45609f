"""The structure of a job, as `Graph`: nodes, and edges from outputs to inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing.configs import config_types
from codeserver.worker.describing.definitions import policies
from codeserver.worker.describing.definitions.jobs import hook_names
from codeserver.worker.describing.plain import present

_DEEPEST = 20
"""Maximum number of nested graphs; see `plain.DEEPEST_VALUE`."""


def of_job(job: dagster.JobDefinition) -> dict[str, Any]:
    """Describe the graph of a job, with the graphs inside it."""
    return _Structure(job).graph(job.graph, None, is_mapped=False)


class _Structure:
    """Describes the graphs of a job, or of a selected part of it."""

    def __init__(self, job: dagster.JobDefinition) -> None:
        self._job = job
        self._configs: dict[str, dict[str, Any] | None] = {}

    def graph(
        self, graph: dagster.GraphDefinition, handle: dagster.NodeHandle | None, *, is_mapped: bool
    ) -> dict[str, Any]:
        """Describe a graph of the job, or the graph of the node with this handle.

        A mapped one is executed once for each value of a dynamic output.
        """
        return {
            "name": graph.name,
            **present(
                nodes=[
                    self._node(graph, node, dagster.NodeHandle(node.name, handle), is_mapped)
                    for node in graph.nodes_in_topological_order
                ],
                edges=list(_edges(graph)),
                input_mappings=[
                    {
                        "input": each.graph_input_name,
                        "node": each.maps_to.node_name,
                        "node_input": each.maps_to.input_name,
                    }
                    for each in graph.input_mappings
                ],
                output_mappings=[
                    {
                        "output": each.graph_output_name,
                        "node": each.maps_from.node_name,
                        "node_output": each.maps_from.output_name,
                    }
                    for each in graph.output_mappings
                ],
            ),
        }

    def _node(
        self,
        graph: dagster.GraphDefinition,
        node: dagster.Node,
        handle: dagster.NodeHandle,
        is_mapped: bool,
    ) -> dict[str, Any]:
        definition = node.definition
        is_mapped = is_mapped or graph.dependency_structure.is_dynamic_mapped(node.name)
        made = {
            "name": node.name,
            "handle": str(handle),
            "definition": definition.name,
            **present(
                description=definition.description,
                inputs=[_input(definition, each) for each in definition.input_defs],
                outputs=[_output(each) for each in definition.output_defs],
                config=self._config(definition),
                tags=dict(node.tags),
                hooks=self._hooks(node, handle),
                is_mapped=is_mapped,
            ),
            **policies.retry(node.retry_policy),
        }
        if isinstance(definition, dagster.GraphDefinition):
            inside = self.graph(definition, handle, is_mapped=is_mapped)
            keys = {key for each in inside.get("nodes", ()) for key in each.get("asset_keys", ())}
            return {
                **made,
                "kind": "KIND_GRAPH",
                **present(asset_keys=sorted(keys)),
                **({"graph": inside} if len(handle.path) <= _DEEPEST else {}),
            }
        return {**made, **self._op(node, definition, handle)}

    def _op(
        self, node: dagster.Node, definition: Any, handle: dagster.NodeHandle
    ) -> dict[str, Any]:
        keys = {
            dagster.asset_key_of_output(self._job, handle, output.name)
            for output in definition.output_defs
        }
        selected = dagster.selected_asset_keys(self._job)
        return {
            "kind": "KIND_OP",
            **present(
                resources=sorted(definition.required_resource_keys),
                pool=definition.pool,
                asset_keys=sorted(
                    key.to_user_string() for key in keys if key is not None and key in selected
                ),
            ),
            **policies.retry(node.retry_policy or definition.retry_policy),
        }

    def _config(self, definition: Any) -> dict[str, Any] | None:
        # Many nodes may share one definition, and its name is unique in the job.
        name = definition.name
        if name not in self._configs:
            self._configs[name] = config_types.of_definition(definition)
        return self._configs[name]

    def _hooks(self, node: dagster.Node, handle: dagster.NodeHandle) -> list[str]:
        hooks = set(node.hook_defs)
        assets = None if handle.parent else dagster.assets_of_node(self._job, handle)
        return hook_names(hooks.union(dagster.hooks_of(assets)) if assets else hooks)


def _input(definition: Any, found: Any) -> dict[str, Any]:
    return present(
        name=found.name,
        type=found.dagster_type.display_name,
        description=found.description,
        has_default=definition.input_has_default(found.name),
    )


def _output(found: Any) -> dict[str, Any]:
    return present(
        name=found.name,
        type=found.dagster_type.display_name,
        description=found.description,
        is_required=found.is_required,
        is_dynamic=found.is_dynamic,
    )


def _edges(graph: dagster.GraphDefinition) -> Iterator[dict[str, Any]]:
    """The edges, in topological order of their target nodes."""
    structure = graph.dependency_structure
    for node in graph.nodes_in_topological_order:
        upstream = structure.input_to_upstream_outputs_for_node(node.name)
        for node_input, outputs in upstream.items():
            kind = structure.get_dependency_type(node_input)
            is_collected = kind is dagster.DependencyType.DYNAMIC_COLLECT
            for output in outputs:
                yield {
                    "from_node": output.node.name,
                    "from_output": output.output_def.name,
                    "to_node": node.name,
                    "to_input": node_input.input_def.name,
                    **present(is_collected=is_collected),
                }
