"""A location in words: its state, its loads, its definitions, their changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from codeserver.api import v1
from codeserver.cli.printing.failures import traceback_lines
from codeserver.cli.printing.screen import Part, Screen
from codeserver.cli.printing.words import counted, duration, listed, moment, seconds_of

_SIGNS = {
    v1.DefinitionChange.ACTION_ADDED: "+",
    v1.DefinitionChange.ACTION_CHANGED: "~",
    v1.DefinitionChange.ACTION_REMOVED: "-",
}
_STYLES = {"+": "green", "~": "yellow", "-": "red"}

_STYLES_OF_STATES = {
    "ready": "bold green",
    "failed": "bold red",
    "lost": "bold red",
    "stopped": "bold red",
}

_ONCE = {"dagster"}
"""Libraries whose versions are in the line `versions`."""

_COUNTED = ("job", "asset", "schedule", "sensor")


def load_time(location: v1.Location) -> str:
    """Duration of the load, in all and by phase; empty if no code is served."""
    if not location.HasField("load_times"):
        return ""
    from codeserver.supervisor.loading.snapshot import phases

    times = location.load_times
    names = ("importing", "resolving", "describing")
    known = {name: seconds_of(getattr(times, name)) for name in names}
    total = seconds_of(times.total)
    return f"{duration(total)} ({phases(known, total, 'starting')})"


def counts(location: v1.Location) -> str:
    """The number of definitions, such as `2 jobs, 1 asset, 0 schedules, 0 sensors`."""
    return ", ".join(counted(getattr(location.counts, f"{noun}s"), noun) for noun in _COUNTED)


def counts_in_short(location: v1.Location) -> str:
    """The same without the kinds of which there are none; empty if no code is served."""
    if not location.HasField("counts"):
        return ""
    found = ((getattr(location.counts, f"{noun}s"), noun) for noun in _COUNTED)
    return listed(counted(number, noun) for number, noun in found if number) or "nothing"


def changes_in_words(
    changes: Sequence[v1.DefinitionChange], before: v1.Location | None
) -> list[Part]:
    """Changes in the words of the server's log, in colours.

    `before` is the location before the load, if it is known.
    """
    was_broken = before is not None and before.HasField("load_error")
    if not changes:
        return ["repaired" if was_broken else "no visible change"]
    from codeserver.supervisor.loading.differences import Change, in_words

    found = [Change(_SIGNS.get(change.action, "~"), change.kind, change.name) for change in changes]
    parts: list[Part] = ["repaired"] if was_broken else []
    for text in in_words(found):
        parts += ["  "] if parts else []
        parts.append((text, _STYLES[text[0]]))
    return parts


def state_of(location: v1.Location) -> str:
    """Its state in lower case, such as `ready`; a number for a state unknown to this version."""
    known = v1.Location.State.DESCRIPTOR.values_by_number.get(location.state)
    if known is None:
        return f"state {location.state}"
    return str(known.name).removeprefix("STATE_").lower()


def state_part(location: v1.Location) -> tuple[str, str]:
    """Its state and the style of it."""
    state = state_of(location)
    return state, _STYLES_OF_STATES.get(state, "bold yellow")


def serves_code(location: v1.Location) -> bool:
    """Whether loaded code is served, and not an error."""
    gone = (v1.Location.STATE_FAILED, v1.Location.STATE_LOST, v1.Location.STATE_STOPPED)
    return location.generation > 0 and location.state not in gone


def show_location(out: Screen, location: v1.Location, now: datetime) -> None:
    """Print the state of a location, with times in the time zone of `now`."""
    out.line((location.name, "bold"), "  ", state_part(location))
    out.facts(list(_facts(location, now)))
    if location.HasField("load_error"):
        out.line()
        out.line(("The newest load has failed:", "red"))
        for line in traceback_lines(location.load_error):
            out.line(f"  {line}")


def _facts(location: v1.Location, now: datetime) -> Iterator[tuple[str, str]]:
    yield "target", _target(location.target)
    if location.generation:
        since = (
            f", since {moment(location.loaded_at, now)}" if location.HasField("loaded_at") else ""
        )
        yield "serves", f"load #{location.generation}{since}"
        if location.HasField("unloaded_at"):
            unloaded = moment(location.unloaded_at, now)
            yield "idle", f"unloaded {unloaded}, until a request needs it"
    elif location.HasField("counts"):
        yield "serves", "what its snapshot says, until the code is loaded"
    elif not serves_code(location):
        yield "serves", "the error" if location.HasField("load_error") else "nothing yet"
    if location.HasField("counts"):
        yield "defined", counts(location)
    if len(location.repositories) > 1:
        yield "repositories", listed(location.repositories)
    if load_time(location):
        yield "load time", load_time(location)
    failed = f", {location.failed_loads:,} of them failed" if location.failed_loads else ""
    how = "; files are watched" if location.watches_files else ""
    yield "loads", f"{location.loads:,} so far{failed}{how}"
    if location.HasField("started_at"):
        yield "started", moment(location.started_at, now)
    yield from _work(location.work)
    yield from _surroundings(location)


def _surroundings(location: v1.Location) -> Iterator[tuple[str, str]]:
    if location.HasField("isolation"):
        modes = {v1.Isolation.MODE_FORK: "fork", v1.Isolation.MODE_SPAWN: "spawn"}
        mode = modes.get(location.isolation.mode, "unknown")
        reasons = "; ".join(location.isolation.reasons)
        yield "isolation", f"{mode}, because of {reasons}" if reasons else mode
    if location.HasField("runs"):
        yield "runs", runs(location.runs)
    versions = location.versions
    known = {"codeserver": versions.codeserver, "Dagster": versions.dagster}
    known["Python"] = versions.python
    yield "versions", listed(f"{name} {version}" for name, version in known.items() if version)
    libraries = sorted(versions.libraries.keys() - _ONCE)
    if libraries:
        yield "libraries", listed(f"{name} {versions.libraries[name]}" for name in libraries)
    if location.container_image:
        yield "image", location.container_image
    if location.server_id:
        yield "server id", location.server_id


def runs(found: v1.Runs) -> str:
    """The mode of runs with its reasons: `warm` or `fresh`."""
    modes = {v1.Runs.MODE_WARM: "warm", v1.Runs.MODE_FRESH: "fresh"}
    mode = modes.get(found.mode, "unknown")
    return f"{mode}, because {'; '.join(found.reasons)}" if found.reasons else mode


def _target(target: v1.Target) -> str:
    one_of = target.python_file or target.module_name or target.package_name
    text = one_of or target.autoload_defs_module_name or "unknown"
    text += f", {target.attribute} in it" if target.attribute else ""
    return text + (f" (in {target.working_directory})" if target.working_directory else "")


def _work(work: v1.Work) -> Iterator[tuple[str, str]]:
    running = f"{work.running:,} of at most {work.max_running:,} running"
    yield "work", f"{running}, {work.queued:,} waiting, {counted(work.runs, 'run')}"
    for subject in work.subjects:
        yield "", f"{subject.name}: {subject.running} running, {subject.queued} waiting"
    parts = {
        "refused": work.refused,
        "ended at their deadline": work.ended,
        "crashed": work.crashed,
    }
    if any(parts.values()):
        yield "trouble", listed(f"{number:,} {what}" for what, number in parts.items() if number)
