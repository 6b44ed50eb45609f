"""Whether a server works again after something has happened to it, and what it says meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench.answers import Answers
from bench.calls import Attempt, attempt
from bench.faults.probes import Probe, running
from bench.faults.server import Server
from bench.wording import seconds, shorten

_LEAST_SECONDS = 3.0
_GONE_SECONDS = 3.0
_TICK_SECONDS = 5
_PAUSE_SECONDS = 0.05
_BUSY_SECONDS = 10.0
_LATER_PAUSE_SECONDS = 0.5
_PER_SECOND = 20
_HEALTH_PER_SECOND = 4


@dataclass(frozen=True)
class Recovery:
    """What came of it.

    Attributes:
        fault: how the call went that made it happen.
        seconds: from the end of that call to the end of the first tick of the healthy sensor that
            worked; None when none did in time.
        failed: how many of its ticks failed before that.
        waited: how long that was waited for.
        exit_code: of the server; None while it runs.
        ids: `GetServerId`, from the fault on until the server worked again or was given up, and for
            at least three seconds.
        health: what the health check said in that time, and how often.
        error: what the last tick of the healthy sensor that failed was told, if there is one.
    """

    fault: Attempt
    seconds: float | None
    failed: int
    waited: float
    exit_code: int | None
    ids: Answers
    health: Counter[str]
    error: str | None

    @property
    def server(self) -> str:
        """Whether the server is there, in words."""
        if self.exit_code is None:
            return "runs"
        if self.exit_code < 0:
            return f"is gone: killed by signal {-self.exit_code}"
        return f"is gone: exit code {self.exit_code}"

    @property
    def next_tick(self) -> str:
        """Whether user code works again, in words."""
        error = shorten(self.error or "", 100)
        if self.seconds is not None:
            before = f", {self.failed} before it fail: {error}" if self.failed else ""
            return f"works after {seconds(self.seconds)}{before}"
        if self.exit_code is not None:
            return f"fails until somebody starts the server again: {error}"
        return f"fails for all of {self.waited:.0f} s: {error}"

    @property
    def summary(self) -> str:
        """For a small cell."""
        if self.seconds is not None:
            return f"next tick works after {seconds(self.seconds)}; GetServerId {self.ids.short}"
        if self.exit_code is not None:
            return f"server {self.server}"
        return f"no tick works for {self.waited:.0f} s; GetServerId {self.ids.short}"

    @property
    def said_health(self) -> str:
        """What the health check said, in words."""
        return ", ".join(f"{count}x {shorten(said, 60)}" for said, count in self.health.items())


def recover(server: Server, fault: Callable[[], str], limit: float) -> Recovery:
    """Make something happen to a server, and watch it.

    A server whose process has exited is watched for three seconds only: nothing restarts it but
    its owner. After ten seconds, GetServerId and the health check are called once a second and
    ticks are half a second apart, and other measurements may go on.

    Args:
        server: it.
        fault: what is done to it.
        limit: seconds that it may take to work again.
    """
    ids = Probe(server.calls.server_id, _PER_SECOND)
    health = Probe(server.calls.health, _HEALTH_PER_SECOND)
    with running(ids, health):
        happened = attempt(fault)
        began = time.monotonic()
        failed, error = 0, None
        while True:
            last = attempt(lambda: server.calls.tick("healthy", seconds=_TICK_SECONDS))
            waited = time.monotonic() - began
            is_gone = server.exit_code is not None and waited > _GONE_SECONDS
            if last.error is None:
                break
            failed, error = failed + 1, last.error
            if is_gone or waited > limit:
                break
            if waited < _BUSY_SECONDS:
                time.sleep(_PAUSE_SECONDS)
                continue
            server.turn.give_up()
            ids.slow_down()
            health.slow_down()
            time.sleep(_LATER_PAUSE_SECONDS)
        time.sleep(max(0.0, _LEAST_SECONDS - waited))
    return Recovery(
        fault=happened,
        seconds=waited if last.error is None else None,
        failed=failed,
        waited=waited,
        exit_code=server.exit_code,
        ids=ids.answers,
        health=health.said,
        error=error,
    )
