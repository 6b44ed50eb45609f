"""Utilization metrics: the shape, and the numbers, that stock reports."""

from __future__ import annotations

import asyncio
import json
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster._grpc.server import DagsterCodeServerUtilizationMetrics
from dagster._utils import container as stock

from codeserver.front import utilization
from codeserver.front.utilization import Utilization
from codeserver.supervisor.evaluating.admission import QueueCounts, Slots
from codeserver.supervisor.evaluating.request import Deadline
from codeserver.supervisor.loading.failure import LoadCounts
from tests.support.dagster_names import OMITS_CACHES
from tests.unit.waiting import DEADLINE, until

V1 = {
    "DAGSTER_CPU_USAGE_PATH": "12345000000000\n",
    "DAGSTER_CPU_CFS_QUOTA_US_PATH": "150000\n",
    "DAGSTER_CPU_CFS_PERIOD_US_PATH": "100000\n",
    "DAGSTER_MEMORY_USAGE_PATH_V1": "400000000\n",
    "DAGSTER_MEMORY_STAT_PATH_V1": "inactive_file 1\ntotal_inactive_file 100000000\n",
    "DAGSTER_MEMORY_LIMIT_PATH_V1": "9223372036854771712\n",
}
V2 = {
    "DAGSTER_CPU_STAT_PATH": "usage_usec 7250000\nuser_usec 1\nsystem_usec 2\n",
    "DAGSTER_CPU_MAX_PATH": "50000 100000\n",
    "DAGSTER_MEMORY_USAGE_PATH_V2": "300000000\n",
    "DAGSTER_MEMORY_STAT_PATH_V2": "anon 1\ninactive_file 50000000\nactive_file 2\n",
    "DAGSTER_MEMORY_LIMIT_PATH_V2": "536870912\n",
}
BOTH = {"DAGSTER_CPU_INFO_PATH": "processor : 0\ncpu cores : 1\n\nprocessor : 1\ncpu cores : 1\n"}

MEASURED = ["cpu_usage", "cpu_cfs_quota_us", "cpu_cfs_period_us", "memory_usage", "memory_limit"]

LOADS = LoadCounts(ended=5, failed=2, last_failed=True)

Machine = Callable[..., None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Sets what the files of the machine say; a file that is None is missing."""

    def set_files(version: str | None, **contents: str | None) -> None:
        root = tmp_path / "cgroup"
        root.mkdir(exist_ok=True)
        if version == "V1":
            (root / "cpuacct").mkdir()
        if version == "V2":
            (root / "cgroup.controllers").touch()
        monkeypatch.setattr(utilization, "_ROOT", str(root))
        for variable in {**V1, **V2, **BOTH}:
            content = contents.get(variable)
            path = tmp_path / variable.lower()
            if content is not None:
                path.write_text(content)
            monkeypatch.setenv(variable, str(path))

    return set_files


def report(queue: Slots | None = None) -> dict[str, Any]:
    text = Utilization().report("sales", "the-id", queue or Slots(8, 10), LOADS)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def container() -> dict[str, Any]:
    values: dict[str, Any] = report()["container_utilization"]
    return values


def test_the_shape_is_dagsters(machine: Machine) -> None:
    machine("V2", **V2, **BOTH)
    parts = typing.get_type_hints(DagsterCodeServerUtilizationMetrics)
    made = report()
    assert set(made) == {*parts, "location", "server_id", "queue_counts", "load_counts"}
    for part in ("container_utilization", "request_utilization"):
        assert set(made[part]) == set(typing.get_type_hints(parts[part]))
    assert made["per_api_metrics"] == {}


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_the_types_are_dagsters(machine: Machine, version: str) -> None:
    """Clients in other languages care whether a number has a decimal point."""
    machine(version, **V1, **V2, **BOTH)
    hints = typing.get_type_hints(stock.ContainerUtilizationMetrics)
    for field, value in container().items():
        allowed = set(typing.get_args(hints[field]))
        assert type(value) in allowed | ({int} if float in allowed else set()), field


async def test_requests_and_server_id(machine: Machine) -> None:
    """Beside what stock has, there are the queue's and the loads' numbers; clients ignore them."""
    machine(None)
    queue = Slots(3, 10)
    for subject in ("a", "b", "c"):
        await queue.take(subject, Deadline.after(DEADLINE))
    waiting = [
        asyncio.create_task(queue.take(subject, Deadline.after(DEADLINE))) for subject in ("d", "e")
    ]
    await until(lambda: queue.waiting == 2)
    queue.counts = QueueCounts(
        waited=4, waited_seconds=2.5, refused=6, timed_out=7, ended=8, crashed=9
    )
    made = report(queue)
    assert (made["location"], made["server_id"]) == ("sales", "the-id")
    assert made["load_counts"] == {"ended": 5, "failed": 2, "last_failed": True}
    assert made["request_utilization"] == {
        "max_concurrent_requests": 3,
        "num_running_requests": 3,
        "num_queued_requests": 2,
    }
    assert made["queue_counts"] == {
        "waited": 4,
        "waited_seconds": 2.5,
        "refused": 6,
        "timed_out": 7,
        "ended": 8,
        "crashed": 9,
    }
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


@pytest.mark.parametrize(
    ("version", "files", "expected"),
    [
        ("V1", V1, [12345.0, 150000.0, 100000.0, 300000000, 9223372036854771712]),
        ("V2", V2, [7.25, 50000.0, 100000.0, 250000000, 536870912]),
    ],
)
def test_numbers(
    machine: Machine, version: str, files: dict[str, str], expected: list[float]
) -> None:
    machine(version, **files, **BOTH)
    made = container()
    assert [made[field] for field in MEASURED] == expected
    assert made["cgroup_version"] == version
    assert made["num_allocated_cores"] == 2


CHANGES: dict[str, tuple[str, dict[str, str | None], str, object]] = {
    "no quota (v2)": ("V2", {"DAGSTER_CPU_MAX_PATH": "max 100000\n"}, "cpu_cfs_quota_us", None),
    "period without a quota": (
        "V2",
        {"DAGSTER_CPU_MAX_PATH": "max 100000\n"},
        "cpu_cfs_period_us",
        100000.0,
    ),
    "no quota (v1)": ("V1", {"DAGSTER_CPU_CFS_QUOTA_US_PATH": "-1\n"}, "cpu_cfs_quota_us", -1.0),
    "no limit": ("V2", {"DAGSTER_MEMORY_LIMIT_PATH_V2": "max\n"}, "memory_limit", None),
    "more cached than used": (
        "V2",
        {"DAGSTER_MEMORY_USAGE_PATH_V2": "10\n"},
        "memory_usage",
        0,
    ),
    "cache unknown (v2)": (
        "V2",
        {"DAGSTER_MEMORY_STAT_PATH_V2": "anon 1\n"},
        "memory_usage",
        None,
    ),
    "cache unknown (v1)": (
        "V1",
        {"DAGSTER_MEMORY_STAT_PATH_V1": "inactive_file 1\n"},
        "memory_usage",
        None,
    ),
    "empty cpu.stat": ("V2", {"DAGSTER_CPU_STAT_PATH": ""}, "cpu_usage", None),
    "rubbish in cpu.stat": ("V2", {"DAGSTER_CPU_STAT_PATH": "usage_usec x\n"}, "cpu_usage", None),
    "rubbish in cpu.max": ("V2", {"DAGSTER_CPU_MAX_PATH": "50000\n"}, "cpu_cfs_quota_us", None),
    "rubbish in a v1 file": ("V1", {"DAGSTER_CPU_USAGE_PATH": "\n"}, "cpu_usage", None),
}


@pytest.mark.parametrize(("version", "changed", "field", "expected"), CHANGES.values(), ids=CHANGES)
def test_special_contents(
    machine: Machine,
    version: str,
    changed: dict[str, str | None],
    field: str,
    expected: object,
) -> None:
    machine(version, **{**V1, **V2, **BOTH, **changed})
    assert container()[field] == expected


@pytest.mark.parametrize("version", ["V1", "V2", None])
def test_missing_files(machine: Machine, version: str | None) -> None:
    machine(version)
    made = container()
    assert {field: made[field] for field in MEASURED} == dict.fromkeys(MEASURED)
    assert made["num_allocated_cores"] is None
    assert made["cgroup_version"] == version


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_stock_reads_the_same_numbers(machine: Machine, version: str) -> None:
    machine(version, **V1, **V2, **BOTH)
    group, made = stock.CGroupVersion(version), container()
    for field, read in {
        "cpu_usage": stock._retrieve_containerized_cpu_usage,
        "cpu_cfs_quota_us": stock._retrieve_containerized_cpu_cfs_quota_us,
        "cpu_cfs_period_us": stock._retrieve_containerized_cpu_cfs_period_us,
        "memory_usage": stock._retrieve_containerized_memory_usage,
        "memory_limit": stock._retrieve_containerized_memory_limit,
    }.items():
        if field != "memory_usage" or OMITS_CACHES:
            assert made[field] == read(None, group), field
    assert made["num_allocated_cores"] == stock._retrieve_containerized_num_allocated_cores(None)


def test_a_report_has_the_measurement_before(machine: Machine) -> None:
    """From two points clients compute the share of the CPU that is used."""
    machine("V2", **V2, **BOTH)
    measuring = Utilization()
    first, second = (
        json.loads(measuring.report("sales", "x", Slots(8, 10), LOADS))["container_utilization"]
        for _ in range(2)
    )
    assert (first["previous_cpu_usage"], first["previous_measurement_timestamp"]) == (None, None)
    assert second["previous_cpu_usage"] == first["cpu_usage"] == 7.25
    assert second["previous_measurement_timestamp"] == first["measurement_timestamp"]
    assert second["measurement_timestamp"] >= first["measurement_timestamp"]
