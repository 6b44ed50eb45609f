"""The log lines about loads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from codeserver.letters import printable
from codeserver.serving import Outcome
from codeserver.supervisor.loading.differences import differences, in_words
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host
from codeserver.supervisor.loading.snapshot import Definitions, Snapshot, describe_counts, phases

_log = logging.getLogger("codeserver")


_AGAIN = ("reload", "no visible change")


class LoadLog:
    """Logs each load.

    Attributes:
        served_on: the addresses of the server, in words.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._definitions: Definitions | None = None
        self._is_restored = False
        self._has_failed = self._has_warned = False
        self._reasons: list[str] = []
        self._run_reasons: list[str] = []
        self._turn = asyncio.Lock()
        self._is_holding = False
        self._held: Callable[[], None] | None = None
        self.served_on = "no address"

    def restored(self, snapshot: Snapshot) -> None:
        """Log that a snapshot is served while the code is loaded."""
        self._is_restored = True
        if snapshot.definitions is not None:
            self._definitions = snapshot.definitions.result()
        _log.info(
            "serving the snapshot of %s on %s while the code is loaded: %s",
            *(self._target, self.served_on, printable(describe_counts(snapshot.counts))),
        )

    async def loaded(self, number: int, host: Host, seconds: float) -> None:
        """Log a successful load: its definitions the first time, the changes later."""
        async with self._turn:  # in the order of the loads
            await self._loaded(number, host, seconds)

    async def _loaded(self, number: int, host: Host, seconds: float) -> None:
        snapshot = host.snapshot
        definitions = await snapshot.definitions if snapshot.definitions is not None else None
        parts = phases(snapshot.seconds, seconds, "start")
        before, self._definitions = self._definitions, definitions
        if before is None or definitions is None:
            _log.info(
                "load #%d: serving %s on %s after %.2f s (%s): %s",
                *(number, self._target, self.served_on, seconds, parts),
                describe_counts(snapshot.counts),
            )
        else:
            changes = [*map(printable, in_words(differences(before, definitions)))]
            what, nothing = ("load", "as in its snapshot") if self._is_restored else _AGAIN
            _log.info(
                "%s #%d  %.2f s  (%s)  %s",
                *(what, number, seconds, parts),
                "  ".join(["repaired"] * self._has_failed + changes) or nothing,
                extra={"changes": changes},
            )
        self._is_restored = self._has_failed = False
        for job, wish in host.run_modes.wishes.wrong.items():
            _log.warning(
                'the tag codeserver/runs of the job %s is "%s"; it can be warm, fresh or auto',
                *(job, wish),
            )
        reasons = list(host.report.reasons) if host.report.isolation == "spawn" else []
        if reasons and reasons != self._reasons:
            _log.info(
                "evaluators and runs are not forked but load the code themselves: %s",
                "; ".join(map(printable, reasons)),
            )
        self._reasons = reasons
        if host.report.lost_threads and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "Python starts these threads in each process, but forks do not have them: %s; have "
                "sitecustomize, or what else starts them, do it again with os.register_at_fork",
                ", ".join(map(printable, host.report.lost_threads)),
            )

    def rehearsed(self, host: Host) -> None:
        """Log why runs import the code, unless that is the wish; the same reasons only once."""
        choice = host.run_modes.choice
        reasons = list(choice.reasons) if host.run_modes.needs_rehearsal else []
        if reasons and reasons != self._run_reasons:
            _log.info("runs import the code themselves: %s", "; ".join(reasons))
        self._run_reasons = reasons

    def failed(self, number: int, failure: LoadFailure, outcome: Outcome) -> None:
        """Log a failed load and its outcome."""
        self._has_failed = True
        what = "load" if self._definitions is None else "reload"
        log = partial(
            _log.error,
            "%s #%d of %s failed, %s\n%s",
            *(what, number, self._target, outcome.value, failure.brief or failure.text),
        )
        if self._is_holding:
            self._held = log
        else:
            log()

    def hold_failure(self) -> None:
        """Hold the line of a failed load, because its outcome is not known yet."""
        self._is_holding = True

    def release_failure(self) -> None:
        """Log the line that was held, if any, and hold no further ones."""
        self._is_holding = False
        if self._held is not None:
            self._held()
            self._held = None
