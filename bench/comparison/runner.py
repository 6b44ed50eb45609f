"""Every workload, one after the other; one that fails does not end the others."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timezone
from importlib import import_module
from inspect import cleandoc
from types import ModuleType

from bench.comparison.effort import Effort
from bench.comparison.figures import Figure
from bench.comparison.results import Part, Place, Results
from bench.comparison.subjects import EXAMPLE, PACKAGES, Subject, many_assets
from bench.machine import facts, load
from bench.processes import kill_descendants
from bench.servers import Kind
from bench.wording import shorten

WORKLOADS = (
    "startup",
    "location_load",
    "latency",
    "throughput",
    "contention",
    "runs",
    "pods",
    "edits",
    "faults",
    "memory",
    "idle",
    "probe",
    "shutdown",
)
"""Modules of `bench.comparison.workloads`, in the order in which they are measured and shown."""
SUBJECTS = (EXAMPLE, PACKAGES, *(many_assets(count) for count in (100, 1000, 5000)))
"""All locations, the smallest first."""


def measure(
    workloads: Sequence[str],
    locations: Collection[str],
    kinds: Sequence[Kind],
    effort: Effort,
) -> Results:
    """Measure, and say on standard error what is done.

    Args:
        workloads: names of them.
        locations: names of those that may be served.
        kinds: the servers.
        effort: how much is done.
    """
    when = _now()
    machine = facts()
    parts = [_measure_workload(name, locations, kinds, effort) for name in workloads]
    machine["load average after"] = load()
    found = {each.location for part in parts for each in part.figures}
    places = {each.name: Place(each.title, each.assets) for each in SUBJECTS if each.name in found}
    return Results(when, machine, effort.quick, places, parts)


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def _measure_workload(
    name: str, locations: Collection[str], kinds: Sequence[Kind], effort: Effort
) -> Part:
    when = _now()
    try:
        module = import_module(f"bench.comparison.workloads.{name}")
    except Exception as error:
        traceback.print_exc()
        return Part(name, name, "", [], {"": shorten(f"cannot be imported: {error!r}")})
    figures: list[Figure] = []
    failures = {}
    for subject in module.QUICK_SUBJECTS if effort.quick else module.SUBJECTS:
        if subject.name in locations:
            begun, before = time.monotonic(), len(figures)
            try:
                for figure in _figures(module, subject, kinds, effort):
                    figures.append(figure)  # one by one, so that a failure loses only the rest
            except Exception as error:
                traceback.print_exc()
                failures[subject.name] = shorten(repr(error))
            finally:
                kill_descendants()
            count = len(figures) - before
            _say(name, subject, time.monotonic() - begun, count, failures.get(subject.name))
    how = cleandoc(module.measure.__doc__ or "")
    return Part(name, _title(module), how, figures, failures, when)


def _figures(
    module: ModuleType, subject: Subject, kinds: Sequence[Kind], effort: Effort
) -> Iterator[Figure]:
    found = module.measure(subject, kinds, effort)
    with ExitStack() as stack:
        if isinstance(found, Generator):
            stack.enter_context(closing(found))  # ends what it has started, at an interrupt, too
        yield from found


def _title(module: ModuleType) -> str:
    return (module.__doc__ or module.__name__).splitlines()[0].rstrip(".")


def _say(name: str, subject: Subject, seconds: float, count: int, failure: str | None) -> None:
    said = f"{count} figures" + (f", then it failed: {failure}" if failure else "")
    print(f"{name:15}{subject.name:8}{seconds:6.1f} s  {said}", file=sys.stderr, flush=True)
