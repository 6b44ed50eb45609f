"""An asset as tests like to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.testing.location import CodeLocation


class LocatedAsset:
    """An asset.

    Attributes:
        message: all of it.
    """

    def __init__(self, location: CodeLocation, message: v1.Asset) -> None:
        self._location = location
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
        """What it is made with."""
        return list(self.message.kinds)

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags, without those that stand for kinds."""
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
        """Keys of the assets that it is made of."""
        return [dependency.key for dependency in self.message.dependencies]

    @property
    def downstream(self) -> list[str]:
        """Keys of the assets that are made of it, in their order."""
        edges = self._location.graph.edges
        found = {edge.to_key for edge in edges if edge.from_key == self.key}
        return [each.key for each in self._location.graph.assets if each.key in found]

    @cached_property
    def partition_keys(self) -> list[str]:
        """Its partition keys, in Dagster's order."""
        message = self.message
        found = self._location.client.partitions(asset=message.key, repository=message.repository)
        return list(found)
