"""Tells what people write from what loading the code writes, and when to wait with a load. Pure.

Who has written a file is not known. But what a person writes changes at any time, and what loading
writes changes while the code is loaded, each time, and is left alone in between. A program that
edits may change a file in several loads in a row. So one more load, which begins after a rest, has
to confirm it; until then no change is left out for good.
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
    """Keeps code that changes its own files from being loaded for ever.

    What has changed is told by its path, or by a pattern for new files that come under ever new
    names.

    Attributes:
        by_loading: what is taken to be written whenever the code is loaded.
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
        """A load has ended in which these were written, by whomever, before it has read them."""
        self._rewritten = {path: self._rewritten.get(path, 0) + 1 for path in paths}

    def is_rewritten(self, path: str) -> bool:
        """Whether every load writes this data before it reads it, so that loading is no use.

        A source may be written twice when it is edited, by the editor and what formats it.
        """
        return self._rewritten.get(path, 0) >= _ENOUGH - 1 and not path.endswith(_SOURCE)

    def nothing_changed(self) -> None:
        """The code was loaded, and nothing that matters has changed meanwhile."""
        self._times.clear()
        self._begun_anew = 0

    def edited(self, what: Set[str]) -> None:
        """It has changed while nobody was loading the code, so it may be edited at other times."""
        self.nothing_changed()
        self._forget(what)

    def changed_while_loading(self, what: Set[str]) -> None:
        """Once for each load."""
        self._times.update(what - self.by_loading)
        if max(self._times.values(), default=0) < _ENOUGH:
            return
        # Several files may change in turn.
        found = {each for each, times in self._times.items() if times >= _ENOUGH - 1}
        self.by_loading |= found
        for each in found:
            del self._times[each]

    def unconfirmed(self, what: Iterable[str]) -> set[str]:
        """What of this may still be edited, whatever it seems."""
        return {*what} - self._confirmed

    def confirm(self, what: Set[str], changed: Set[str]) -> Set[str]:
        """A load has ended that began after a rest, to find out about `what`.

        What has not changed in it was edited, unless others have that change in turn.

        Returns:
            What is now first known to be written whenever the code is loaded.
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
        """Whether it has changed during the last loads."""
        return self._times[each] > 0 or each in self.by_loading

    def pause(self, what: Set[str], quiet: float, seconds: float) -> float:
        """Seconds to wait with the load that is due to a change.

        Args:
            what: has changed.
            quiet: seconds between the last load and the change.
            seconds: what a load takes.
        """
        pause = 0.0
        if self._is_repeated(what, quiet):
            pause = _growing(self._loads - _PATIENCE)
        if any(self._times[each] == _ENOUGH - 1 for each in what):
            # Somebody who writes on does so in this time as well as during a load.
            pause = max(pause, _FIRST_PAUSE, seconds)
        return min(pause, _LONGEST_PAUSE)

    def rest(self, seconds: float) -> float:
        """Seconds without a change before a load that is to confirm, by those that a load takes."""
        return _REST + min(seconds, _LONGEST_PAUSE)

    def loads(self, what: Set[str], quiet: float) -> bool:
        """The code is loaded for this reason; returns whether there are pauses from now on."""
        self._loads = self._loads + 1 if self._is_repeated(what, quiet) else 1
        self._cause = what
        return self._loads == _PATIENCE

    def patience(self) -> float:
        """Seconds for which a load may go on that is known to be out of date.

        They grow without an end: some load must come to its own, however long it takes.
        """
        self._begun_anew += 1
        return _growing(self._begun_anew - _PATIENCE)

    def _is_repeated(self, what: Set[str], quiet: float) -> bool:
        """Whether the same data changes again and again, which nobody does by hand for long."""
        is_data = not any(each.endswith(_SOURCE) for each in what)
        return is_data and what == self._cause and quiet < _QUIET


def _growing(count: int) -> float:
    return 0.0 if count < 0 else float(_FIRST_PAUSE * 2 ** min(count, _MOST_DOUBLED))
