"""Short words for facts in messages of the typed API."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeserver.api import v1
from codeserver.drawing.diagram import counted

_CRON = (
    (r"\S+ \* \* \* \*", "hourly"),
    (r"\d+ \d+ \* \* \*", "daily"),
    (r"\d+ \d+ \* \* \S+", "weekly"),
    (r"\d+ \d+ \d+ \* \*", "monthly"),
)


def first_line(text: str) -> str:
    """The first line of a description, without its full stop."""
    lines = text.strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else ""


def policies(pool: str, retry_policy: v1.RetryPolicy) -> Iterator[str]:
    """Words for the pool and the retries of an op or a step."""
    if pool:
        yield f"pool {pool}"
    if retry_policy.max_retries:
        yield counted(retry_policy.max_retries, "retry", "retries")


def partitioning(partitions: v1.PartitionsDefinition) -> str:
    """The kind of the partitions in a word or two, such as `daily`."""
    kind = partitions.kind
    if kind == v1.PartitionsDefinition.KIND_STATIC:
        return counted(partitions.static_count, "partition")
    if kind == v1.PartitionsDefinition.KIND_TIME_WINDOW:
        cron = partitions.time_windows.cron_schedule
        return next((word for form, word in _CRON if re.fullmatch(form, cron)), "time windows")
    if kind == v1.PartitionsDefinition.KIND_DYNAMIC:
        return "dynamic partitions"
    if kind == v1.PartitionsDefinition.KIND_MULTI:
        return " \N{MULTIPLICATION SIGN} ".join(each.name for each in partitions.dimensions)
    return "partitioned"
