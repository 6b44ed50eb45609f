"""The report of a soak, as text and as JSON."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from bench.attempts import quantile
from bench.soak.census import Sample
from bench.soak.tally import Tally, Unexpected

_SHOWN_IN_FULL = 3
_LONGEST = 3000
_MARKS = ("start", "1st quarter", "2nd quarter", "3rd quarter", "end of load", "at rest")
_ROLES = ("front", "forkserver", "host", "evaluator", "run")
_SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def as_text(tally: Tally) -> str:
    """The report as text."""
    return "\n".join(
        [
            *_operations(tally),
            *_control(tally),
            *_disruptions(tally),
            *_memory(tally),
            *_unexpected(tally),
            f"\nproblems: {len(tally.problems)}",
            *("  " + each[:_LONGEST].replace("\n", "\n    ") for each in tally.problems),
            verdict(tally),
        ]
    )


def verdict(tally: Tally) -> str:
    """The last line of the text."""
    if tally.is_good:
        return f"GOOD: {tally.operations} operations, none with an unexpected error; no growth"
    return f"BAD: {len(tally.unexpected)} unexpected errors, {len(tally.problems)} problems"


def as_dict(tally: Tally) -> dict[str, Any]:
    """The report as a dictionary, for JSON."""
    return {
        "good": tally.is_good,
        "operations": tally.operations,
        "seconds": tally.elapsed,
        "counts": dict(sorted(tally.counts.items())),
        "control": {rpc: _quantiles(seconds) for rpc, seconds in tally.seconds.items()},
        "disruptions": [vars(each) for each in tally.disruptions],
        "marks": {name: vars(sample) for name, sample in tally.marks.items()},
        "samples": [vars(sample) for sample in tally.samples],
        "unexpected": [vars(each) for each in tally.unexpected],
        "problems": tally.problems,
        "exit_code": tally.exit_code,
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """The count, and the median, 99th percentile and maximum in milliseconds."""
    found = {name: 1000 * quantile(seconds, share) for name, share in _SHARES.items()}
    return {"count": len(seconds), **found}


def _operations(tally: Tally) -> Iterator[str]:
    def listed(counts: Counter[str]) -> str:
        return ", ".join(f"{count} {name}" for name, count in counts.most_common())

    rate = tally.operations / tally.elapsed if tally.elapsed else 0.0
    yield f"{tally.operations} operations in {tally.elapsed:.0f} s ({rate:.1f} a second)"
    for name, counts in sorted(tally.counts.items()):
        yield f"  {name:<34} {listed(counts)} (longest {tally.longest[name]:.1f} s)"
    yield f"  all: {listed(sum(tally.counts.values(), Counter[str]()))}"


def _control(tally: Tally) -> Iterator[str]:
    yield f"\ncontrol calls, in ms {'count':>14} {'p50':>9} {'p99':>9} {'max':>9}"
    for rpc, seconds in tally.seconds.items():
        count, *numbers = _quantiles(seconds).values()
        yield f"  {rpc:<24} {count:>8} {' '.join(f'{each:9.1f}' for each in numbers)}"


def _disruptions(tally: Tally) -> Iterator[str]:
    times: dict[str, list[float]] = defaultdict(list)
    for each in tally.disruptions:
        times[each.role].append(-1.0 if each.recovery is None else each.recovery)
    yield "\nkilled, with the seconds until a tick was answered"
    for role, seconds in times.items():
        yield f"  {role:<12} {', '.join(f'{each:.1f}' for each in seconds)}"


def _memory(tally: Tally) -> Iterator[str]:
    yield "\nprocesses over time: number, RSS / PSS in MiB"
    roles = " ".join(f"{role:>18}" for role in _ROLES)
    yield f"  {'':<12} {'s':>5} {'fds':>5} {'thr':>4} {'zmb':>4} {roles}"
    for name in _MARKS:
        if it := tally.marks.get(name):
            used = " ".join(f"{_of(it, role):>18}" for role in _ROLES)
            yield f"  {name:<12} {it.at:5.0f} {it.fds:5} {it.threads:4} {it.zombies:4} {used}"
    if tally.samples:
        yield (
            f"  most at once: {max(sum(each.numbers.values()) for each in tally.samples)} "
            f"processes, {max(each.fds for each in tally.samples)} descriptors and "
            f"{max(each.threads for each in tally.samples)} threads of the front, "
            f"{max(each.zombies for each in tally.samples)} zombies"
        )


def _of(sample: Sample, role: str) -> str:
    number = sample.numbers[role]
    rss, pss = sample.rss[role] / 2**20, sample.pss[role] / 2**20
    return f"{number}: {rss:.0f} / {pss:.1f}" if number else "-"


def _unexpected(tally: Tally) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[Unexpected]] = defaultdict(list)
    for each in tally.unexpected:
        start = re.sub(r"\d+(\.\d+)?", "#", each.text)[:120]
        groups[each.operation, each.kind, start].append(each)
    yield f"\nunexpected errors: {len(tally.unexpected)}"
    for (operation, kind, _), members in groups.items():
        yield f"  {len(members)} x {operation}: {kind}"
        for each in members[:_SHOWN_IN_FULL]:
            text = each.text[:_LONGEST].replace("\n", "\n      ")
            yield f"    at {each.at:.1f} s, after {each.seconds:.1f} s: {text}"
