"""Disruptions of the server: reloads of good and bad code, and killed processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import time

import grpc
import psutil  # type: ignore[import-untyped]
from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.processes import is_alive
from bench.soak import calling, census
from bench.soak.calling import Client
from bench.soak.editions import BREAKAGES
from bench.soak.outcomes import ANSWERED, ERROR, WRONG, Expected, Outcome, verdict
from bench.soak.progress import Progress, eventually
from bench.soak.server import Server
from bench.soak.tally import Disruption, Tally, Unexpected

_RELOAD_SECONDS = 90.0
_RECOVERY_SECONDS = 90.0
_TICK_SECONDS = 10.0
_GONE_SECONDS = 5.0
_MARGIN = 1.0
_EVALUATOR_EXCUSE = 5.0
_BROKEN_SHARE = 0.2
_VICTIMS = ("evaluator", "host", "forkserver", "evaluator")
_FINDING_SECONDS = 5.0


class Reloads:
    """Reloads the code at intervals counted in operations.

    Args:
        server: the server.
        client: the client for the calls.
        progress: the progress of the soak.
        tally: the tally of the soak.
    """

    def __init__(self, server: Server, client: Client, progress: Progress, tally: Tally) -> None:
        self._editions = server.editions
        self._client = client
        self._progress = progress
        self._tally = tally

    def go_on(self, every: int) -> None:
        """Reload until the soak ends."""
        breakages = list(BREAKAGES)
        self._client.random.shuffle(breakages)
        target = every
        while self._progress.reaches(target):
            if self._client.random.random() < _BROKEN_SHARE:
                breakages.append(breakages.pop(0))
                self._reload_broken(breakages[-1])
            else:
                self.reload()
            target = max(target, self._progress.taken) + every

    def reload(self) -> None:
        """Load another edition, which every later reply must come from."""
        edition = self._editions.write()
        begin = time.monotonic()
        outcome = self._ask()
        end = time.monotonic()
        if self._judge("reload", outcome, begin, Expected(ANSWERED)):
            self._editions.oldest = edition
            self._tally.measured("ReloadCode", end - begin)

    def _reload_broken(self, breakage: str) -> None:
        with self._editions.whole.broken():
            pattern = self._editions.write_broken(breakage)
            begin = time.monotonic()
            expected = Expected(ERROR, pattern, "refused, as it should be")
            self._judge(f"reload that {breakage}", self._ask(), begin, expected)
            begin = time.monotonic()
            self._judge("tick after it", self._tick(), begin, Expected(ANSWERED))
            self._editions.write()
        self.reload()

    def _judge(self, name: str, outcome: Outcome, begin: float, expected: Expected) -> bool:
        end = time.monotonic()
        disrupted = self._tally.was_disrupted(begin, end)
        found = verdict(outcome, [expected], may_wait=False, after_a_kill=disrupted)
        if found:
            self._tally.count(name, found, end - begin)
        elif not self._client.abort.is_set():
            at = begin - self._progress.began
            self._tally.add_unexpected(Unexpected(at, name, outcome, end - begin))
        return found == (expected.name or expected.kind)

    def _ask(self) -> Outcome:
        try:
            error = self._client.ask("ReloadCode", pb.ReloadCodeRequest(), _RELOAD_SECONDS)
        except grpc.RpcError as status:
            return calling.refusal(status)
        return calling.understand(error) if error else Outcome(ANSWERED)

    def _tick(self) -> Outcome:
        outcome = calling.sensor(self._client, "healthy_0")
        if outcome.kind != ANSWERED:
            return outcome
        edition = json.loads(outcome.text)["edition"]
        if self._editions.oldest <= edition <= self._editions.newest:
            return outcome
        return Outcome(WRONG, f"edition {edition} is served")


class Kills:
    """Kills a process of the server at intervals counted in operations.

    Args:
        server: the server.
        client: the client that checks the recovery.
        progress: the progress of the soak.
        tally: the tally of the soak.
    """

    def __init__(self, server: Server, client: Client, progress: Progress, tally: Tally) -> None:
        self._server = server
        self._client = client
        self._progress = progress
        self._tally = tally

    def go_on(self, every: int) -> None:
        """Kill until the soak ends."""
        target = every
        victims = itertools.cycle(_VICTIMS)
        while self._progress.reaches(target):
            role = next(victims)
            if role == "evaluator":
                self._kill(role)
            else:
                # The server recovers with the code on disk, so that code must be whole.
                with self._server.editions.whole.relied_on():
                    self._kill(role)
            target = max(target, self._progress.taken) + every

    def _kill(self, role: str) -> None:
        front = self._server.process.pid
        found: list[psutil.Process] = []

        def find() -> bool:
            found[:] = census.workers(front, role)
            return bool(found)

        if not eventually(find, _FINDING_SECONDS, every=0.01):
            return
        victim = self._client.random.choice(found)
        begin = time.monotonic()
        disruption = self._tally.disrupt(Disruption(role, begin))
        with contextlib.suppress(psutil.NoSuchProcess):
            doomed = [victim, *census.workers(victim.pid, "host", "evaluator")]
            victim.kill()
            # Until all of them have ended, one of them may still answer.
            eventually(lambda: not any(map(is_alive, doomed)), _GONE_SECONDS, every=0.01)
        if eventually(self._is_back, _RECOVERY_SECONDS):
            disruption.recovery = time.monotonic() - begin
        else:
            outcome = Outcome(WRONG, f"no tick was answered within {_RECOVERY_SECONDS} s")
            at = begin - self._progress.began
            self._tally.add_unexpected(
                Unexpected(at, f"kill of {role}", outcome, _RECOVERY_SECONDS)
            )
        excuse = _EVALUATOR_EXCUSE if role == "evaluator" else _MARGIN
        disruption.end = time.monotonic() + excuse

    def _is_back(self) -> bool:
        if self._client.abort.is_set():
            return True
        outcome = calling.sensor(self._client, "healthy_0", seconds=_TICK_SECONDS)
        return outcome.kind == ANSWERED
