"""Tells edits from files that loading the code writes, and decides the pauses before loads. Pure.

The writer of a file is not known. But edits happen at any time, while loading writes its files
during every load, and never between loads. An editing program may change a file in several loads in
a row. So one more load, which begins after a rest, has to confirm the suspicion; until then, no
change is ignored for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

_ENOUGH = 3
_PATIENCE = 10
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_MOST_DOUBLED = 12
_QUIET = 10.0
_REST = 3.0
_SOURCE = ".py"


class Restraint:
    """Prevents endless loads of code that changes its own files.

    A change is named by its path, or by a pattern for new files, whose names may differ each time.

    Attributes:
        by_loading: the changes that are assumed to be written by every load.
    """

    def __init__(self) -> None:
        self.by_loading: set[str] = set()
        self._confirmed: set[str] = set()
        self._told: set[str] = set()
        self._times: Counter[str] = Counter()
        self._rewritten: dict[str, int] = {}
        self._begun_anew = 0
        self._cause: Set[str] = frozenset()
        self._loads = 0

    def load_rewrote(self, paths: Iterable[str]) -> None:
        """Note the paths that were written during a load before it read them."""
        self._rewritten = {path: self._rewritten.get(path, 0) + 1 for path in paths}

    def is_rewritten(self, path: str) -> bool:
        """Whether every load writes this data before it reads it, so that a load is no use.

        Sources do not count: an edit may write one twice, by the editor and by a formatter.
        """
        return self._rewritten.get(path, 0) >= _ENOUGH - 1 and not path.endswith(_SOURCE)

    def nothing_changed(self) -> None:
        """Note a load during which nothing has changed that matters."""
        self._times.clear()
        self._begun_anew = 0

    def edited(self, what: Set[str]) -> None:
        """Note changes between loads, which are edits."""
        self.nothing_changed()
        self._forget(what)

    def changed_while_loading(self, what: Set[str]) -> None:
        """Note the changes during a load; call this once for each load."""
        self._times.update(what - self.by_loading)
        if max(self._times.values(), default=0) < _ENOUGH:
            return
        # Several files may change in turn.
        found = {each for each, times in self._times.items() if times >= _ENOUGH - 1}
        self.by_loading |= found
        for each in found:
            del self._times[each]

    def unconfirmed(self, what: Iterable[str]) -> set[str]:
        """The changes that may still be edits, because no load has confirmed the suspicion."""
        return {*what} - self._confirmed

    def confirm(self, what: Set[str], changed: Set[str]) -> Set[str]:
        """Judge `what` after a load that began after a rest.

        Changes that have not happened in this load were edits, unless files change in turn.

        Args:
            what: the changes that the load had to confirm.
            changed: the changes during the load.

        Returns:
            The changes that are now first known to be written by every load.
        """
        if what.isdisjoint(changed) and changed.isdisjoint(self.by_loading):
            self._forget(what)
        found = changed & (what | self.by_loading)
        new = (found & self.by_loading) - self._told
        self._confirmed |= found
        self._told |= new
        return new

    def _forget(self, what: Set[str]) -> None:
        self.by_loading -= what
        self._confirmed -= what
        for each in what:
            self._rewritten.pop(each, None)

    def suspects(self, each: str) -> bool:
        """Whether this has changed during the last loads."""
        return self._times[each] > 0 or each in self.by_loading

    def pause(self, what: Set[str], quiet: float, seconds: float) -> float:
        """The pause in seconds before a load that is due to changes."""
        pause = 0.0
        if self._is_repeated(what, quiet):
            pause = _growing(self._loads - _PATIENCE)
        if any(self._times[each] == _ENOUGH - 1 for each in what):
            # An editor that goes on writing does so in this time, too, and not only during loads.
            pause = max(pause, _FIRST_PAUSE, seconds)
        return min(pause, _LONGEST_PAUSE)

    def rest(self, seconds: float) -> float:
        """The seconds without a change before a load that has to confirm a suspicion."""
        return _REST + min(seconds, _LONGEST_PAUSE)

    def note_load(self, what: Set[str], quiet: float) -> bool:
        """Note a load because of these changes; return whether there are pauses from now on."""
        self._loads = self._loads + 1 if self._is_repeated(what, quiet) else 1
        self._cause = what
        return self._loads == _PATIENCE

    def patience(self) -> float:
        """The seconds for which a load that is out of date may go on.

        They double with each restart, so that some load can end, even if it takes long.
        """
        self._begun_anew += 1
        return _growing(self._begun_anew - _PATIENCE)

    def _is_repeated(self, what: Set[str], quiet: float) -> bool:
        """Whether the same data has changed again soon, which people do not do for long."""
        is_data = not any(each.endswith(_SOURCE) for each in what)
        return is_data and what == self._cause and quiet < _QUIET


def _growing(count: int) -> float:
    return 0.0 if count < 0 else float(_FIRST_PAUSE * 2 ** min(count, _MOST_DOUBLED))
