"""Parts of what is said about a location: its loads, what is defined, what has changed."""

from __future__ import annotations

from collections.abc import Sequence

from codeserver.api import v1
from codeserver.cli.printing.screen import Part
from codeserver.cli.printing.words import counted, duration, seconds_of

_SIGNS = {
    v1.DefinitionChange.ACTION_ADDED: "+",
    v1.DefinitionChange.ACTION_CHANGED: "~",
    v1.DefinitionChange.ACTION_REMOVED: "-",
}
_STYLES = {"+": "green", "~": "yellow", "-": "red"}

_COUNTED = ("job", "asset", "schedule", "sensor")


def load_time(location: v1.Location) -> str:
    """How long the load took, in all and by phase; empty when no code is served."""
    if not location.HasField("load_times"):
        return ""
    from codeserver.supervisor.generation import phases

    times = location.load_times
    names = ("importing", "resolving", "describing")
    known = {name: seconds_of(getattr(times, name)) for name in names}
    total = seconds_of(times.total)
    return f"{duration(total)} ({phases(known, total, 'starting')})"


def counts(location: v1.Location) -> str:
    """For example `2 jobs, 1 asset, 0 schedules, 0 sensors`."""
    return ", ".join(counted(getattr(location.counts, f"{noun}s"), noun) for noun in _COUNTED)


def changes_in_words(
    changes: Sequence[v1.DefinitionChange], before: v1.Location | None
) -> list[Part]:
    """What is different, as the log of the server says it, in colours.

    Args:
        changes: of definitions.
        before: the location before the load, if that is known.
    """
    was_broken = before is not None and before.HasField("load_error")
    if not changes:
        return ["repaired" if was_broken else "no visible change"]
    from codeserver.supervisor.differences import Change, in_words

    found = [Change(_SIGNS.get(change.action, "~"), change.kind, change.name) for change in changes]
    parts: list[Part] = ["repaired"] if was_broken else []
    for text in in_words(found):
        parts += ["  "] if parts else []
        parts.append((text, _STYLES[text[0]]))
    return parts


def state_of(location: v1.Location) -> str:
    """Its state in lower case, such as `ready`; a number for one that this version has not."""
    known = v1.Location.State.DESCRIPTOR.values_by_number.get(location.state)
    if known is None:
        return f"state {location.state}"
    return str(known.name).removeprefix("STATE_").lower()


def serves_code(location: v1.Location) -> bool:
    """Whether code is loaded and answers, and not an error instead of it."""
    gone = (v1.Location.STATE_FAILED, v1.Location.STATE_LOST, v1.Location.STATE_STOPPED)
    return location.generation > 0 and location.state not in gone
