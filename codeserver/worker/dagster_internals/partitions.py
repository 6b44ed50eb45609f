"""Partition keys, which Dagster finds in the instance of a context, or of an argument."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from codeserver.worker.dagster_internals import moved, names
from codeserver.worker.dagster_internals.features import PARTITION_CONTEXT, known

_stores: list[names.DagsterInstance | None] = []
"""The instance of the context that is entered, for versions that have no such context."""


@contextlib.contextmanager
def partitions_in(instance: names.DagsterInstance | None) -> Iterator[None]:
    """Find dynamic partitions in this instance within the block."""
    with moved.partition_loading_context(dynamic_partitions_store=instance):
        _stores.append(instance)
        try:
            yield
        finally:
            _stores.pop()


def partition_keys(found: moved.PartitionsDefinition) -> Sequence[str]:
    """All keys of the partitions."""
    return found.get_partition_keys(**_store(found.get_partition_keys))


def has_partition_key(found: moved.PartitionsDefinition, key: str) -> bool:
    """Whether there is this key."""
    return found.has_partition_key(key, **_store(found.has_partition_key))


def tags_of_partition(job: names.JobDefinition, key: str) -> dict[str, str]:
    """The tags with which Dagster launches a run of a partition."""
    wanted = {"selected_asset_keys": None}
    return dict(
        job.get_tags_for_partition_key(key, **known(job.get_tags_for_partition_key, wanted))
    )


def pages_windows(found: moved.TimeWindowPartitionsDefinition) -> bool:
    """Whether `page_of_windows` can be asked."""
    return bool(PARTITION_CONTEXT) and hasattr(found, "get_paginated_partition_keys")


def page_of_windows(
    found: moved.TimeWindowPartitionsDefinition, limit: int, ascending: bool
) -> Sequence[str]:
    """The first or the last keys of time windows."""
    with moved.partition_loading_context() as context:
        return found.get_paginated_partition_keys(context, limit, ascending).results


def _store(method: Any) -> dict[str, Any]:
    if PARTITION_CONTEXT or not _stores:
        return {}
    return known(method, {"dynamic_partitions_store": _stores[-1]})
