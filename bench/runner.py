"""Runs the workloads one after the other; a failure does not end the others."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from importlib import import_module
from importlib.metadata import version
from inspect import cleandoc
from pathlib import Path

from bench.measurement import Measurement
from bench.processes import kill_descendants
from bench.results import Part, Place, Results, shorten
from bench.servers import Kind
from bench.subjects import SUBJECTS

WORKLOADS = (
    "startup",
    "location_load",
    "latency",
    "throughput",
    "contention",
    "runs",
    "steps",
    "launch",
    "pods",
    "edits",
    "reloads",
    "faults",
    "attacks",
    "memory",
    "locations",
    "idle",
    "probe",
    "shutdown",
)
"""The modules of `bench.workloads`, in the order to measure and to show them."""


def measure(
    workloads: Sequence[str],
    locations: Collection[str],
    kinds: Sequence[Kind],
    *,
    quick: bool = False,
) -> Results:
    """Measure workloads at those of their locations that are named.

    Progress is on standard error. A quick run does only enough to see that the workloads work.
    """
    when, machine = _now(), _facts()
    parts = [_measure_workload(name, locations, kinds, quick) for name in workloads]
    found = {each.location for part in parts for each in part.figures}
    places = {each.name: Place(each.title, each.assets) for each in SUBJECTS if each.name in found}
    return Results(when, {**machine, "load average after": _load()}, quick, places, parts)


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def _measure_workload(
    name: str, locations: Collection[str], kinds: Sequence[Kind], quick: bool
) -> Part:
    when, machine = _now(), _facts()
    try:
        module = import_module(f"bench.workloads.{name}")
    except Exception as error:
        traceback.print_exc()
        return Part(name, name, "", [], {"": shorten(f"cannot be imported: {error!r}")})
    done: list[Measurement] = []
    failures = {}
    for subject in module.SUBJECTS[:1] if quick else module.SUBJECTS:
        if subject.name in locations:
            begun, it = time.monotonic(), Measurement(subject, kinds, quick=quick)
            done.append(it)
            said = ""
            try:
                module.measure(it)
            except Exception as error:
                traceback.print_exc()
                failures[subject.name] = shorten(repr(error))
                said = f", then it failed: {failures[subject.name]}"
            finally:
                kill_descendants()
            line = f"{name:15}{subject.name:8}{time.monotonic() - begun:6.1f} s  "
            print(f"{line}{len(it.figures)} figures{said}", file=sys.stderr, flush=True)
    return Part(
        name,
        title=(module.__doc__ or name).splitlines()[0].rstrip("."),
        how=cleandoc(module.measure.__doc__ or ""),
        figures=[figure for it in done for figure in it.figures],
        failures=failures,
        when=when,
        notes=[note for it in done for note in it.notes],
        machine={**machine, "load average after": _load()},
    )


def _facts() -> dict[str, str]:
    """The versions of the measured software, and the machine."""
    return {
        **{name: version(name) for name in ("codeserver", "dagster", "grpcio")},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "load average before": _load(),
    }


def _load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
