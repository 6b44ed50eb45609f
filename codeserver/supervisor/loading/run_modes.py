"""The mode of a run: forked from the host with the code, or importing the code itself.

Stock imports the code in the process of each run. A run may share the host's import only if that
makes no difference: importing the code twice gives the same result, and the files of the import
have not changed since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from codeserver.marks import Look
from codeserver.supervisor.loading.starter import Starter
from codeserver.used import Used

_log = logging.getLogger("codeserver")

WISHES = ("auto", "warm", "fresh")


class Mode(str, Enum):
    """The mode of a run: WARM shares the import of the host, FRESH imports the code itself."""

    WARM = "warm"
    FRESH = "fresh"


@dataclass(frozen=True)
class Verdict:
    """The result of a rehearsal.

    Attributes:
        is_repeatable: whether a second import gives the same result; None if that is not known.
        reasons: the reasons why it does not, or why that is not known.
        looks: the state of the files that the code has asked about, by path. The verdict holds
            only while they look the same.
    """

    is_repeatable: bool | None
    reasons: Sequence[str] = ()
    looks: Mapping[str, Look] = field(default_factory=dict)


PENDING = Verdict(None, ("the import is still being rehearsed",))


@dataclass(frozen=True)
class Choice:
    """The mode of runs, and its reasons as short sentences without a full stop."""

    mode: Mode
    reasons: Sequence[str] = ()


def choose(wish: str, may_fork: Choice, verdict: Verdict, changes: Sequence[str] = ()) -> Choice:
    """Choose the mode of a run.

    Args:
        wish: the wish of the job, or else of the operator: `warm`, `fresh` or `auto`.
        may_fork: FRESH with the reasons if the host may not fork at all.
        verdict: the result of the rehearsal.
        changes: the changes since the load, in words.
    """
    if may_fork.mode is Mode.FRESH:
        return may_fork
    if wish != "auto":
        return Choice(Mode(wish), (f"{wish} was asked for",))
    if not verdict.is_repeatable:
        return Choice(Mode.FRESH, verdict.reasons)
    return Choice(Mode.FRESH, changes) if changes else Choice(Mode.WARM)


@dataclass(frozen=True)
class Wishes:
    """The wishes for the mode of runs: `warm`, `fresh` or `auto`.

    Attributes:
        operators: the operator's wish.
        of_jobs: the wishes in tags of jobs, by `repository/job`.
    """

    operators: str
    of_jobs: Mapping[str, str] = field(default_factory=dict)

    def of(self, job: str) -> str:
        """The wish of a job; the operator's if the job has none, or an invalid one."""
        wish = self.of_jobs.get(job)
        return wish if wish in WISHES else self.operators

    @property
    def all(self) -> set[str]:
        """The wishes that any run may have."""
        return {self.operators, *map(self.of, self.of_jobs)}

    @property
    def wrong(self) -> Mapping[str, str]:
        """The invalid wishes, by the name of the job."""
        return {
            job.rpartition("/")[2]: wish for job, wish in self.of_jobs.items() if wish not in WISHES
        }


@dataclass(frozen=True)
class RunStart:
    """The start of a run.

    Attributes:
        starter: starts its process.
        looks: see `codeserver.messages.Run`.
    """

    starter: Starter
    looks: Mapping[str, Look] | None = None


class RunModes:
    """Chooses the mode of each run of one generation.

    Args:
        warm: starts warm runs; None if the host may not fork.
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
        """Whether the mode of any run depends on the verdict."""
        return self._may_fork.mode is Mode.WARM and "auto" in self.wishes.all

    @property
    def may_import(self) -> bool:
        """Whether some runs may import the code."""
        return self._may_fork.mode is Mode.FRESH or self.wishes.all != {"warm"}

    @property
    def must_import(self) -> bool:
        """Whether some runs import the code even if no file has changed."""
        return self.choice.mode is Mode.FRESH or "fresh" in self.wishes.all

    @property
    def is_rehearsing(self) -> bool:
        """Whether the rehearsal has not ended yet."""
        return self.needs_rehearsal and self.verdict is PENDING

    @property
    def choice(self) -> Choice:
        """The mode of runs of jobs without a wish, if no file has changed."""
        return choose(self.wishes.operators, self._may_fork, self.verdict)

    async def start(self, run_id: str, job: str) -> RunStart:
        """The start of a run of a job (`repository/job`); logs changes since the load."""
        changes = await asyncio.to_thread(self._used.changes, self.verdict.looks)
        wish = self.wishes.of(job)
        choice = choose(wish, self._may_fork, self.verdict, changes)
        if changes:
            _log.info("%s", _words(run_id, choice.mode, changes))
        if self._warm and choice.mode is Mode.WARM:
            return RunStart(self._warm, None if wish == "warm" else self.verdict.looks)
        return RunStart(self._fresh)


def _words(run_id: str, mode: Mode, changes: Sequence[str]) -> str:
    what = "imports the code as it is now" if mode is Mode.FRESH else "executes the code as loaded"
    return f"run {run_id} {what}: {'; '.join(changes)}"
