"""A code location for tests: definitions by name, as plain values, requested once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from codeserver.testing.located import LocatedAsset, LocatedJob, Plan
from codeserver.testing.named import Named

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.client import AssetGraph, Client
    from codeserver.client.calls import Texts

T = TypeVar("T")


class CodeLocation:
    """The definitions of a code location.

    Replies are requested once and kept, so the code must not change meanwhile.

    Args:
        client: client of the server.

    Attributes:
        client: client of the server, for requests without a method here.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    @cached_property
    def message(self) -> v1.Location:
        """The location itself: state, load times, versions and so on."""
        return self.client.location()

    @cached_property
    def jobs(self) -> Named[LocatedJob]:
        """The jobs, without those that Dagster makes to materialize assets."""
        return self._named("job", self.client.jobs(), lambda job: LocatedJob(self.client, job))

    @cached_property
    def assets(self) -> Named[LocatedAsset]:
        """The assets, by keys such as `raw/orders`."""
        found = (
            (each.key, each.repository, LocatedAsset(self.client, self.graph, each))
            for each in self.graph.assets
        )
        return Named("asset", found)

    @cached_property
    def schedules(self) -> Named[v1.Schedule]:
        """The schedules."""
        return self._named("schedule", self.client.schedules(), lambda each: each)

    @cached_property
    def sensors(self) -> Named[v1.Sensor]:
        """The sensors."""
        return self._named("sensor", self.client.sensors(), lambda each: each)

    @cached_property
    def resources(self) -> Named[v1.Resource]:
        """The resources."""
        return self._named("resource", self.client.resources(), lambda each: each)

    @cached_property
    def graph(self) -> AssetGraph:
        """The assets and their dependencies."""
        return self.client.asset_graph()

    def plan(
        self,
        job: str,
        *,
        run_config: str | Mapping[str, Any] | None = None,
        partition_key: str = "",
        op_selection: Texts = (),
        asset_selection: Texts = (),
        repository: str = "",
    ) -> Plan:
        """The steps that a run of the job would execute; see `Client.plan`.

        Raises:
            NotFoundError: there is no such job.
            InvalidArgumentError: the run config, the partition or the selection does not fit the
                job.
        """
        return Plan(
            self.client.plan(
                job,
                run_config=run_config,
                partition_key=partition_key,
                op_selection=op_selection,
                asset_selection=asset_selection,
                repository=repository,
            )
        )

    def _named(self, kind: str, found: Iterable[Any], view: Callable[[Any], T]) -> Named[T]:
        return Named(kind, ((each.name, each.repository, view(each)) for each in found))
