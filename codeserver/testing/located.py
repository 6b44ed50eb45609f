"""Jobs, assets and plans as plain values for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codeserver.testing.named import UnknownNameError

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.client import AssetGraph, Client


class LocatedJob:
    """A job.

    Attributes:
        message: the job without its structure.
    """

    def __init__(self, client: Client, message: v1.Job) -> None:
        self._client = client
        self.message = message

    def __repr__(self) -> str:
        return f"<job {self.message.name}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self.message.name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return dict(self.message.tags)

    @property
    def schedules(self) -> list[str]:
        """Names of the schedules that start it."""
        return list(self.message.schedules)

    @property
    def sensors(self) -> list[str]:
        """Names of the sensors that target it."""
        return list(self.message.sensors)

    @cached_property
    def structure(self) -> v1.GetJobResponse:
        """Its ops, graphs and dependencies, as the message of the API."""
        message = self.message
        return self._client.job(message.name, repository=message.repository)

    @cached_property
    def ops(self) -> list[str]:
        """Its ops in a possible order of execution; those in graphs as `graph.op`."""
        return list(_ops(self.structure.graph))

    @cached_property
    def edges(self) -> list[tuple[str, str]]:
        """Pairs of output and connected input: `("load.result", "transform.clean.rows")`.

        Both ends belong to ops: an edge to a graph becomes an edge to each op in it that takes the
        value. The edges inside a graph come after those around it.
        """
        return list(_edges(self.structure.graph))

    def upstream(self, op: str) -> list[str]:
        """The ops that an op depends on, in the order of `ops`.

        Raises:
            UnknownNameError: there is no such op.
        """
        if op not in self.ops:
            raise UnknownNameError(f"op in job {self.name}", op, self.ops)
        sources = {
            start.rpartition(".")[0] for start, end in self.edges if end.rpartition(".")[0] == op
        }
        return [each for each in self.ops if each in sources]

    @cached_property
    def partition_keys(self) -> list[str]:
        """Its partition keys, in Dagster's order."""
        message = self.message
        found = self._client.partitions(job=message.name, repository=message.repository)
        return list(found)

    def plan(self, **arguments: Any) -> Plan:
        """The steps of a run; the arguments are those of `CodeLocation.plan`."""
        arguments.setdefault("repository", self.message.repository)
        return Plan(self._client.plan(self.name, **arguments))


def _ops(graph: v1.Graph) -> Iterator[str]:
    for node in graph.nodes:
        if node.HasField("graph"):
            yield from _ops(node.graph)
        else:
            yield node.handle


def _edges(graph: v1.Graph) -> Iterator[tuple[str, str]]:
    from codeserver.drawing.jobs import givers, takers

    nodes = {node.name: node for node in graph.nodes}
    for edge in graph.edges:
        for giver, output in givers(nodes[edge.from_node], edge.from_output):
            for taker, its_input in takers(nodes[edge.to_node], edge.to_input):
                yield f"{giver.handle}.{output}", f"{taker.handle}.{its_input}"
    for node in graph.nodes:
        yield from _edges(node.graph)


class LocatedAsset:
    """An asset.

    Attributes:
        message: the asset as the message of the API.
    """

    def __init__(self, client: Client, graph: AssetGraph, message: v1.Asset) -> None:
        self._client = client
        self._graph = graph
        self.message = message

    def __repr__(self) -> str:
        return f"<asset {self.message.key}>"

    @property
    def key(self) -> str:
        """Its key, such as `raw/orders`."""
        return self.message.key

    @property
    def group(self) -> str:
        """Its group."""
        return self.message.group

    @property
    def kinds(self) -> list[str]:
        """Its kinds, such as `python` or `dbt`."""
        return list(self.message.kinds)

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags, without those of its kinds."""
        return dict(self.message.tags)

    @property
    def checks(self) -> list[str]:
        """Names of its checks."""
        return [check.name for check in self.message.checks]

    @property
    def jobs(self) -> list[str]:
        """Names of the jobs that materialize it, implicit ones included."""
        return list(self.message.jobs)

    @property
    def upstream(self) -> list[str]:
        """Keys of the assets that it depends on."""
        return [dependency.key for dependency in self.message.dependencies]

    @property
    def downstream(self) -> list[str]:
        """Keys of the assets that depend on it, in order."""
        found = {edge.to_key for edge in self._graph.edges if edge.from_key == self.key}
        return [each.key for each in self._graph.assets if each.key in found]

    @cached_property
    def partition_keys(self) -> list[str]:
        """Its partition keys, in Dagster's order."""
        message = self.message
        found = self._client.partitions(asset=message.key, repository=message.repository)
        return list(found)


class Plan:
    """The steps of a run.

    Attributes:
        message: the plan as the message of the API.
    """

    def __init__(self, message: v1.ExecutionPlan) -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"<plan of {self.message.job}: {', '.join(self.steps)}>"

    @property
    def steps(self) -> list[str]:
        """Keys of the steps, in a possible order of execution."""
        return [step.key for step in self.message.steps]

    @property
    def levels(self) -> list[list[str]]:
        """Keys of the steps by level; steps of one level do not wait for each other."""
        found: list[list[str]] = [[] for _ in range(self.message.levels)]
        for step in self.message.steps:
            found[step.level].append(step.key)
        return found

    def upstream(self, step: str) -> list[str]:
        """Keys of the steps that a step waits for.

        Raises:
            UnknownNameError: there is no such step.
        """
        return list(self[step].upstream)

    def __getitem__(self, step: str) -> v1.Step:
        for each in self.message.steps:
            if each.key == step:
                return each
        raise UnknownNameError(f"step in the plan of {self.message.job}", step, self.steps)
