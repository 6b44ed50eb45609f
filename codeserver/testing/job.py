"""A job as tests like to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codeserver.testing.named import UnknownNameError
from codeserver.testing.plan import Plan
from codeserver.testing.structure import ends_of_edges, ops_of

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.testing.location import CodeLocation


class LocatedJob:
    """A job.

    Attributes:
        message: all of it but its structure.
    """

    def __init__(self, location: CodeLocation, message: v1.Job) -> None:
        self._location = location
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
        """What it consists of, as the API gives it."""
        message = self.message
        return self._location.client.job(message.name, repository=message.repository)

    @cached_property
    def ops(self) -> list[str]:
        """Its ops, those in graphs as `graph.op`, in an order in which they could be executed."""
        return ops_of(self.structure.graph)

    @cached_property
    def edges(self) -> list[tuple[str, str]]:
        """Which output goes to which input: `("load.result", "transform.clean.rows")`.

        Both ends are of ops: an edge to a graph is one to each op in it that gets the value.
        """
        return ends_of_edges(self.structure.graph)

    def upstream(self, op: str) -> list[str]:
        """The ops that an op gets something from, in the order of execution.

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
        found = self._location.client.partitions(job=message.name, repository=message.repository)
        return list(found)

    def plan(self, **arguments: Any) -> Plan:
        """The steps that a run would execute; the arguments are those of `CodeLocation.plan`."""
        arguments.setdefault("repository", self.message.repository)
        return self._location.plan(self.name, **arguments)
