"""Utilization metrics of the container and the server, for replies to Ping.

The format is that of `DagsterCodeServerUtilizationMetrics` in `dagster._grpc.server` (1.13). The
numbers come from the cgroup files (https://docs.kernel.org/admin-guide/cgroup-v2.html). The
environment variables that change the paths of these files for Dagster's server, such as
`DAGSTER_CPU_STAT_PATH`, work here, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path

from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.loading.failure import LoadCounts

_V1, _V2 = "V1", "V2"
_ROOT = "/sys/fs/cgroup"


class Utilization:
    """Measures the container, and reports the metrics."""

    def __init__(self) -> None:
        self._previous: tuple[float | None, float | None] = (None, None)

    def report(self, location: str, server_id: str, queue: Slots, loads: LoadCounts) -> str:
        """The JSON for a reply to Ping.

        Besides the fields of stock Dagster, it has the name of the location in `location`, and
        `queue_counts` and `load_counts`, with the fields of `QueueCounts` and `LoadCounts`. The
        numbers are those of the location, except for the container's.
        """
        return json.dumps(
            {
                "container_utilization": self._container(),
                "request_utilization": {
                    "max_concurrent_requests": queue.total,
                    "num_running_requests": queue.running,
                    "num_queued_requests": queue.waiting,
                },
                "queue_counts": dataclasses.asdict(queue.counts),
                "load_counts": dataclasses.asdict(loads),
                "per_api_metrics": {},
                "location": location,
                "server_id": server_id,
            }
        )

    def _container(self) -> dict[str, float | int | str | None]:
        version = _cgroup_version()
        previous_usage, previous_time = self._previous
        usage, now = _cpu_seconds(version), time.time()
        self._previous = (usage, now)
        quota, period = _cpu_quota(version)
        return {
            "num_allocated_cores": _cores(),
            "cpu_usage": usage,
            "cpu_cfs_quota_us": quota,
            "cpu_cfs_period_us": period,
            "memory_usage": _memory_usage(version),
            "memory_limit": _memory_limit(version),
            "measurement_timestamp": now,
            "previous_cpu_usage": previous_usage,
            "previous_measurement_timestamp": previous_time,
            "cgroup_version": version,
        }


def _cgroup_version() -> str | None:
    if Path(_ROOT, "cgroup.controllers").exists():
        return _V2
    return _V1 if Path(_ROOT, "cpuacct").exists() else None


def _cores() -> int | None:
    text = _read("DAGSTER_CPU_INFO_PATH", "/proc/cpuinfo")
    if text is None:
        return None
    return sum(line.startswith("processor") for line in text.splitlines())


def _cpu_seconds(version: str | None) -> float | None:
    if version == _V1:
        nanoseconds = _number(_read("DAGSTER_CPU_USAGE_PATH", f"{_ROOT}/cpuacct/cpuacct.usage"))
        return None if nanoseconds is None else nanoseconds / 1e9
    microseconds = _entry(_read("DAGSTER_CPU_STAT_PATH", f"{_ROOT}/cpu.stat"), "usage_usec")
    return None if microseconds is None else microseconds / 1e6


def _cpu_quota(version: str | None) -> tuple[float | None, float | None]:
    """The CPU quota and its period in microseconds; the quota is None if there is no limit."""
    if version == _V1:
        return (
            _number(_read("DAGSTER_CPU_CFS_QUOTA_US_PATH", f"{_ROOT}/cpu/cpu.cfs_quota_us")),
            _number(_read("DAGSTER_CPU_CFS_PERIOD_US_PATH", f"{_ROOT}/cpu/cpu.cfs_period_us")),
        )
    words = (_read("DAGSTER_CPU_MAX_PATH", f"{_ROOT}/cpu.max") or "").split()
    return (_number(words[0]), _number(words[1])) if len(words) > 1 else (None, None)


def _memory_usage(version: str | None) -> int | None:
    """Bytes in use, without inactive file pages, which the kernel can drop."""
    if version == _V1:
        used = _number(
            _read("DAGSTER_MEMORY_USAGE_PATH_V1", f"{_ROOT}/memory/memory.usage_in_bytes")
        )
        statistics = _read("DAGSTER_MEMORY_STAT_PATH_V1", f"{_ROOT}/memory/memory.stat")
        cached = _entry(statistics, "total_inactive_file")
    else:
        used = _number(_read("DAGSTER_MEMORY_USAGE_PATH_V2", f"{_ROOT}/memory.current"))
        statistics = _read("DAGSTER_MEMORY_STAT_PATH_V2", f"{_ROOT}/memory.stat")
        cached = _entry(statistics, "inactive_file")
    return None if used is None or cached is None else max(int(used - cached), 0)


def _memory_limit(version: str | None) -> int | None:
    if version == _V1:
        path = f"{_ROOT}/memory/memory.limit_in_bytes"
        limit = _read("DAGSTER_MEMORY_LIMIT_PATH_V1", path)
    else:
        limit = _read("DAGSTER_MEMORY_LIMIT_PATH_V2", f"{_ROOT}/memory.max")
    digits = (limit or "").strip()
    return int(digits) if digits.isdecimal() else None  # "max" in version 2: no limit


def _read(variable: str, path: str) -> str | None:
    with contextlib.suppress(OSError):
        return Path(os.environ.get(variable, path)).read_text("utf-8")
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _entry(text: str | None, key: str) -> float | None:
    """The number after `key` in lines of `key number`."""
    for line in (text or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return _number(value)
    return None
