"""Changes of a location in words, a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from codeserver.api import v1
from codeserver.cli.printing.failures import traceback_lines
from codeserver.cli.printing.location import changes_in_words, counts, load_time, runs, state_of
from codeserver.cli.printing.screen import Part

Line = Sequence[Part]

_STYLES = {"ready": "bold green", "failed": "bold red", "lost": "bold red", "draining": "yellow"}
_LOADING = (v1.Location.STATE_LOADING, v1.Location.STATE_RELOADING)


class Watched:
    """Describes the differences between consecutive messages about a location."""

    def __init__(self) -> None:
        self._before: v1.Location | None = None

    def lines(self, response: v1.WatchLocationResponse, now: datetime) -> Iterator[Line]:
        """Lines about the differences from the message before. Each begins with the time."""
        location, before = response.location, self._before
        self._before = location
        failed = _has_failed(before, location)
        if failed:
            load = f"load #{location.loads}" if location.loads else "the load"
            served = f"; #{location.generation} is served on" if location.generation else ""
            yield _line(now, "failed", load, served)
            for line in traceback_lines(location.load_error):
                yield [f"  {line}"]
        is_new = before is None or location.generation != before.generation
        if is_new and location.generation:
            is_first = (before is None or not before.generation) and not response.changes
            changes = changes_in_words(response.changes, before)
            about = [counts(location)] if is_first else changes
            yield _line(now, "ready", f"#{location.generation}  {load_time(location)}  ", *about)
        elif before is not None and before.runs.rehearsing > location.runs.rehearsing:
            yield _line(now, "runs", runs(location.runs))
        elif before is not None and _is_loaded(location) and not failed:
            yield _line(now, "ready", f"#{location.generation}")
        if location.HasField("unloaded_at") and (before is None or _is_loaded(before)):
            yield _line(now, "idle", f"#{location.generation}  unloaded until a request needs it")
        if before is None or location.state != before.state:
            yield from _state(location, now)


def _is_loaded(location: v1.Location) -> bool:
    return location.state == v1.Location.STATE_READY and not location.HasField("unloaded_at")


def _has_failed(before: v1.Location | None, location: v1.Location) -> bool:
    """Whether a load has failed since the message before."""
    if not location.HasField("load_error"):
        return False
    return before is None or location.failed_loads > before.failed_loads


def _state(location: v1.Location, now: datetime) -> Iterator[Line]:
    """The state, unless another line implies it."""
    if location.state in _LOADING:
        yield _line(now, "loading", location.name)
    elif location.state == v1.Location.STATE_LOST:
        yield _line(now, "lost", "the process with the code; it is started again")
    elif location.state not in (v1.Location.STATE_READY, v1.Location.STATE_FAILED):
        yield _line(now, state_of(location), location.name)


def _line(now: datetime, word: str, *parts: Part) -> Line:
    style = _STYLES.get(word, "bold cyan")
    return [(f"{now:%H:%M:%S}", "dim"), "  ", (word, style), " " * (10 - len(word)), *parts]
