"""Whether a run is forked with what the host has imported, or imports the user's code itself.

Stock imports the code in the process of each run. A run may share the host's import only when that
makes no difference: when importing the code twice gives the same, and when what was imported has
not changed since.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from codeserver.facts import UsedFiles
from codeserver.marks import Look, listing, looks_like, mark
from codeserver.supervisor.loading.starter import Starter

_log = logging.getLogger("codeserver")

WISHES = ("auto", "warm", "fresh")
_MOST_NAMED = 3


class Mode(str, Enum):
    """How a run gets the code."""

    WARM = "warm"
    FRESH = "fresh"


@dataclass(frozen=True)
class Verdict:
    """Whether importing the code twice gives the same.

    Attributes:
        is_repeatable: whether it does; None when that is not known.
        reasons: why it does not, or why that is not known.
        looks: files that the code has asked about, by path, and how they looked; it does not when
            one of them is different.
    """

    is_repeatable: bool | None
    reasons: Sequence[str] = ()
    looks: Mapping[str, Look] = field(default_factory=dict)


PENDING = Verdict(None, ("the import is still being rehearsed",))


@dataclass(frozen=True)
class Choice:
    """How runs get the code, and why: short sentences without a full stop."""

    mode: Mode
    reasons: Sequence[str] = ()


def choose(wish: str, may_fork: Choice, verdict: Verdict, changes: Sequence[str] = ()) -> Choice:
    """How a run gets the code.

    Args:
        wish: `warm`, `fresh` or `auto`, of the job or else of the operator.
        may_fork: FRESH with the reasons when the host may not fork at all.
        verdict: of the rehearsal.
        changes: what has changed since the load, in words.
    """
    if may_fork.mode is Mode.FRESH:
        return may_fork
    if wish != "auto":
        return Choice(Mode(wish), (f"{wish} was asked for",))
    if not verdict.is_repeatable:
        return Choice(Mode.FRESH, verdict.reasons)
    return Choice(Mode.FRESH, changes) if changes else Choice(Mode.WARM)


class Used:
    """What a load has used, and what of that has changed since.

    Args:
        footprint: the user's files.
        folders: where installed packages are.
    """

    def __init__(self, footprint: UsedFiles, folders: Sequence[str]) -> None:
        self._files = {**footprint.data, **footprint.files}
        self._listings = footprint.listings
        self._packages = {path: mark(path) for path in folders}
        self.is_whole = footprint.is_whole

    @classmethod
    def nothing(cls) -> Used:
        """What no load has used."""
        return cls(UsedFiles(), ())

    def changes(self, looks: Mapping[str, Look]) -> list[str]:
        """What is different now, of this as well, in words; empty when nothing is."""
        found = [path for path, before in looks.items() if not looks_like(path, before)]
        found += [path for path, before in self._files.items() if mark(path) != before]
        found += [path for path, before in self._listings.items() if listing(path) != before]
        words = [f"{_named(found)} changed after the load"] if found else []
        if any(mark(path) != before for path, before in self._packages.items()):
            words.append("packages were installed or removed after the load")
        if not self.is_whole:
            words.append("the load has read too many files to compare them")
        return words


def _named(paths: Sequence[str]) -> str:
    names = [_short(path) for path in paths[:_MOST_NAMED]]
    if len(paths) > _MOST_NAMED:
        names.append(f"{len(paths) - _MOST_NAMED} more")
    return ", ".join(names)


def _short(path: str) -> str:
    try:
        short = os.path.relpath(path)
    except OSError:  # the current directory was removed
        return path
    return path if short.startswith(os.pardir) else short


@dataclass(frozen=True)
class Wishes:
    """How runs are to get the code: `warm`, `fresh` or `auto`.

    Attributes:
        operators: the operator's wish.
        of_jobs: those of jobs that have one, by `repository/job`.
    """

    operators: str
    of_jobs: Mapping[str, str] = field(default_factory=dict)

    def of(self, job: str) -> str:
        """That of a job, else the operator's; what a job cannot wish does not count."""
        wish = self.of_jobs.get(job)
        return wish if wish in WISHES else self.operators

    @property
    def all(self) -> set[str]:
        """Those that any run may have."""
        return {self.operators, *map(self.of, self.of_jobs)}

    @property
    def wrong(self) -> Mapping[str, str]:
        """Those that no job can have, by the name of the job."""
        return {
            job.rpartition("/")[2]: wish for job, wish in self.of_jobs.items() if wish not in WISHES
        }


class RunModes:
    """Chooses how each run of one generation gets the code.

    Args:
        warm: starts warm runs; None when the host may not fork.
        fresh: starts fresh runs.
        reasons: why the host may fork, or why not.
        used: what the load has used.

    Attributes:
        wishes: how runs are to get it.
        verdict: of the rehearsal.
    """

    def __init__(
        self,
        wishes: Wishes,
        warm: Starter | None,
        fresh: Starter,
        reasons: Sequence[str],
        used: Used,
    ) -> None:
        self.wishes = wishes
        self._warm = warm
        self._fresh = fresh
        self._may_fork = Choice(Mode.WARM) if warm is not None else Choice(Mode.FRESH, reasons)
        self._used = used
        self.verdict = PENDING

    @property
    def needs_rehearsal(self) -> bool:
        """Whether the verdict matters."""
        return self._may_fork.mode is Mode.WARM and "auto" in self.wishes.all

    @property
    def may_import(self) -> bool:
        """Whether some runs may import the code."""
        return self._may_fork.mode is Mode.FRESH or self.wishes.all != {"warm"}

    @property
    def must_import(self) -> bool:
        """Whether some runs import the code although no file has changed."""
        return self.choice.mode is Mode.FRESH or "fresh" in self.wishes.all

    @property
    def is_rehearsing(self) -> bool:
        """Whether the verdict is still to come."""
        return self.needs_rehearsal and self.verdict is PENDING

    @property
    def choice(self) -> Choice:
        """How runs get the code whose job says nothing, if no file is changed."""
        return choose(self.wishes.operators, self._may_fork, self.verdict)

    async def starter(self, run_id: str, job: str) -> Starter:
        """What starts this run."""
        changes = await asyncio.to_thread(self._used.changes, self.verdict.looks)
        choice = choose(self.wishes.of(job), self._may_fork, self.verdict, changes)
        if changes:
            _log.info("%s", _words(run_id, choice.mode, changes))
        return self._warm if self._warm and choice.mode is Mode.WARM else self._fresh


def _words(run_id: str, mode: Mode, changes: Sequence[str]) -> str:
    what = "imports the code as it is now" if mode is Mode.FRESH else "executes the code as loaded"
    return f"run {run_id} {what}: {'; '.join(changes)}"
