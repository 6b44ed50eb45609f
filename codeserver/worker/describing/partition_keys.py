"""The partition keys of a job or asset, in pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.describing import lookup
from codeserver.worker.describing.definitions import partitions
from codeserver.worker.describing.plain import one_line
from codeserver.worker.loading.instance import open_named
from codeserver.worker.loading.location import Location

_NO_KEYS = "there are none yet."

_MOST_SEARCHED = 10_000
"""Maximum number of keys to search for a similar one."""


def describe(location: Location, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The partitions definition of a job or asset, and a page of its keys."""
    found = _target(location, wanted)
    with loading(location, found):
        total, keys = _page(found, wanted["offset"], wanted["limit"], wanted["reverse"])
    return {
        "partitions": partitions.definition(found),
        "keys": [str(key) for key in keys],
        "total_count": total,
    }


def of_job(job: dagster.JobDefinition) -> dagster.PartitionsDefinition:
    """The partitions definition of a job, or the only one of the assets that it materializes."""
    if job.partitions_def is not None:
        return job.partitions_def
    assets = (job.asset_layer.get(key) for key in dagster.selected_asset_keys(job))
    ways = {asset.partitions_def for asset in assets if asset.partitions_def is not None}
    if len(ways) == 1:
        return ways.pop()
    if ways:
        what = f'The assets of job "{job.name}" are partitioned in different ways; ask for one.'
        raise lookup.invalid("job", what)
    raise lookup.invalid("job", f'Job "{job.name}" is not partitioned.')


@contextmanager
def loading(
    location: Location, found: dagster.PartitionsDefinition
) -> Iterator[dagster.PartitionsDefinition]:
    """Let Dagster find the keys within the block, in an instance if it stores them."""
    with ExitStack() as stack:
        instance = None
        if name := _dynamic_name(found):
            try:
                instance = open_named(location.order, stack)
            except dagster.DagsterError as error:
                what = f'The partitions "{name}" are kept in a Dagster instance, and there is none'
                raise lookup.invalid("partitions", f"{what}: {one_line(error)}") from None
        stack.enter_context(dagster.partitions_in(instance))
        yield found


def check(found: dagster.PartitionsDefinition, key: str) -> None:
    """Raise `InvalidRequest` unless the key exists. Call it inside `loading`."""
    try:
        is_there = dagster.has_partition_key(found, key)
    except (dagster.DagsterUnknownPartitionError, dagster.check.CheckError):
        is_there = False
    if not is_there:
        what = f'There is no partition "{key}"; {_hint(found, key)}'
        raise lookup.invalid("partition_key", what)


def _target(location: Location, wanted: Mapping[str, Any]) -> dagster.PartitionsDefinition:
    if "job" in wanted:
        return of_job(lookup.job(location, wanted["job"], wanted["repository"])[1])
    repository, key = lookup.asset(location, wanted["asset"], wanted["repository"])
    found = repository.asset_graph.get(key).partitions_def
    if found is None:
        raise lookup.invalid("asset", f'Asset "{wanted["asset"]}" is not partitioned.')
    return found


def _dynamic_name(found: dagster.PartitionsDefinition) -> str | None:
    if isinstance(found, dagster.MultiPartitionsDefinition):
        names = (_dynamic_name(each.partitions_def) for each in found.partitions_defs)
        return next(filter(None, names), None)
    return found.name if isinstance(found, dagster.DynamicPartitionsDefinition) else None


def _page(
    found: dagster.PartitionsDefinition, offset: int, limit: int, reverse: bool
) -> tuple[int, Sequence[str]]:
    """The total number of keys, and the keys of the page."""
    if isinstance(found, dagster.MultiPartitionsDefinition):
        return _page_of_product(found, offset, limit, reverse)
    if (
        isinstance(found, dagster.TimeWindowPartitionsDefinition)
        and dagster.pages_windows(found)
        # Dagster's own pages, which count back from now, begin at the last key.
        and found.end is None
        and found.end_offset == 0
    ):
        return _page_of_windows(found, offset, limit, reverse)
    return _slice(dagster.partition_keys(found), offset, limit, reverse)


def _slice(
    keys: Sequence[str], offset: int, limit: int, reverse: bool
) -> tuple[int, Sequence[str]]:
    ordered = reversed(keys) if reverse else keys
    return len(keys), list(islice(ordered, offset, offset + limit))


def _page_of_windows(
    found: dagster.TimeWindowPartitionsDefinition, offset: int, limit: int, reverse: bool
) -> tuple[int, Sequence[str]]:
    """The page, found from the nearer end, because Dagster steps through all keys before it."""
    total = found.get_num_partitions()
    first, last = min(offset, total), min(offset + limit, total)
    if reverse:
        first, last = total - last, total - first
    is_near_start = last <= total - first
    way = last if is_near_start else total - first
    keys = dagster.page_of_windows(found, way, is_near_start)
    page = keys[first:last] if is_near_start else keys[total - last :][::-1]
    return total, page[::-1] if reverse else page


def _page_of_product(
    found: dagster.MultiPartitionsDefinition, offset: int, limit: int, reverse: bool
) -> tuple[int, Sequence[str]]:
    """The page of keys of several dimensions; the last dimension changes fastest."""
    dimensions = [dagster.partition_keys(each.partitions_def) for each in found.partitions_defs]
    if any("|" in key for keys in dimensions for key in keys):
        # Dagster leaves out keys that it could not split again.
        return _slice(dagster.partition_keys(found), offset, limit, reverse)
    total = math.prod(map(len, dimensions))
    page = []
    for position in range(offset, min(offset + limit, total)):
        rest, parts = total - 1 - position if reverse else position, []
        for keys in reversed(dimensions):
            rest, index = divmod(rest, len(keys))
            parts.append(keys[index])
        page.append("|".join(reversed(parts)))
    return total, page


def _hint(found: dagster.PartitionsDefinition, key: str) -> str:
    """A hint with existing keys."""
    if isinstance(found, dagster.TimeWindowPartitionsDefinition):
        first, last = found.get_first_partition_key(), found.get_last_partition_key()
        return f"they go from {first} to {last}." if first and last else _NO_KEYS
    total, keys = _page(found, 0, _MOST_SEARCHED, reverse=False)
    if near := lookup.nearest(key, map(str, keys)):
        return near
    return f'one of {total:,} is "{keys[0]}".' if keys else _NO_KEYS
