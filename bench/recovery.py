"""The recovery of a server from a fault, and its replies meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.attempts import Answers, Probe, asked, running
from bench.client import SHORT_SECONDS
from bench.figures import Unit
from bench.measurement import Measurement
from bench.servers import Server
from bench.tables import in_unit

_LEAST_SECONDS = 3.0
_GONE_SECONDS = 3.0
_PAUSE_SECONDS = 0.02
_LATER_PAUSE_SECONDS = 0.5
_LIMIT_SECONDS = 40
_CALLS_AFTERWARDS = 10


@dataclass(frozen=True)
class _Recovery:
    """The outcome of a fault.

    Attributes:
        seconds: seconds until the first tick that worked; None if none did in time.
        waited: seconds of waiting for such a tick.
        exit_code: exit code of the server; None while it runs.
        ids: the calls of `GetServerId`, from the fault until the server worked again or was given
            up, and for at least three seconds.
    """

    seconds: float | None
    waited: float
    exit_code: int | None
    ids: Answers

    def __str__(self) -> str:
        if self.seconds is not None:
            took = in_unit(self.seconds, Unit.SECONDS)
            return f"next tick works after {took}; GetServerId {self.ids}"
        if self.exit_code is not None:
            return f"server is gone: {exit_in_words(self.exit_code)}"
        return f"no tick works for {self.waited:.0f} s; GetServerId {self.ids}"


def recovery(it: Measurement, server: Server, name: str, fault: Callable[[], object]) -> str:
    """Inject a fault into a server, watch it, and describe its recovery in words.

    Args:
        it: takes the figures.
        server: the server.
        name: name of the fault, for the figures.
        fault: injects the fault.
    """
    health = Probe(server.client.health, 4)
    with running(health):
        found = _recover(server, fault, it.times(_LIMIT_SECONDS, quick=4))
    if found.seconds is not None:
        it.add(f"time from {name} to a working tick", server.key, Unit.SECONDS, found.seconds)
    calls = range(it.times(_CALLS_AFTERWARDS, quick=2))
    ids = Answers.of(asked(server.client.server_id) for _ in calls)
    note_share(it, server, f"GetServerId calls answered after {name}", ids)
    ticks = Answers.of(asked(lambda: healthy(server)) for _ in calls)
    note_share(it, server, f"ticks of another sensor answered after {name}", ticks)
    said = {"unreachable" if "UNAVAILABLE" in text else text for text in health.said}
    return f"{found}; health {', then '.join(sorted(said))}"


def _recover(server: Server, fault: Callable[[], object], limit: float) -> _Recovery:
    """Watch the recovery, for only three seconds if the server's process has exited."""
    ids = Probe(server.client.server_id, 20)
    with running(ids):
        fault()
        began = time.monotonic()
        while True:
            works = asked(lambda: healthy(server)).error is None
            waited = time.monotonic() - began
            is_gone = server.exit_code is not None and waited > _GONE_SECONDS
            if works or is_gone or waited > limit:
                break
            time.sleep(_PAUSE_SECONDS if waited < _GONE_SECONDS else _LATER_PAUSE_SECONDS)
        time.sleep(max(0.0, _LEAST_SECONDS - waited))
    return _Recovery(waited if works else None, waited, server.exit_code, ids.answers)


def healthy(server: Server) -> str:
    """A harmless tick, with the same limit as GetServerId."""
    return server.client.tick("quick", seconds=SHORT_SECONDS)


def note_share(it: Measurement, server: Server, name: str, answers: Answers) -> None:
    """Note the share of the calls that were answered."""
    it.add(name, server.key, Unit.SHARE, answers.percent, more_is_better=True)


def exit_in_words(code: int) -> str:
    """The exit code of a process, negative for a signal."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
