"""Disruptions of the server: reloads of good and bad code, and killed processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import time

import grpc
import psutil  # type: ignore[import-untyped]
from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.processes import eventually, is_alive
from bench.soak import census
from bench.soak.calling import Client, refused, understood
from bench.soak.server import BREAKAGES
from bench.soak.soaking import Soak
from bench.soak.tally import ANSWERED, ERROR, WRONG, Disruption, Expected, Outcome

_RELOAD_SECONDS = 90.0
_RECOVERY_SECONDS = 90.0
_TICK_SECONDS = 10.0
_GONE_SECONDS = 5.0
_FINDING_SECONDS = 5.0
_EXCUSED_SECONDS = {"evaluator": 5.0, "host": 1.0, "forkserver": 1.0}
"""Seconds after the recovery from a kill of each role that still excuse failures."""
_BROKEN_SHARE = 0.2
_VICTIMS = ("evaluator", "host", "forkserver", "evaluator")


def keep_reloading(it: Soak, client: Client) -> None:
    """Reload the code at intervals counted in operations, until the soak ends."""
    breakages = list(BREAKAGES)
    client.random.shuffle(breakages)
    for _ in it.progress.every(it.settings.reload_every):
        if client.random.random() < _BROKEN_SHARE:
            breakages.append(breakages.pop(0))
            _reload_broken(it, client, breakages[-1])
        else:
            reload(it, client)


def reload(it: Soak, client: Client) -> None:
    """Load another edition, which every later reply must come from."""
    editions = it.server.editions
    edition = editions.write()
    begin = time.monotonic()
    outcome = _ask_to_reload(client)
    end = time.monotonic()
    if it.judge("reload", outcome, [Expected(ANSWERED)], begin):
        editions.oldest = edition
        it.tally.seconds["ReloadCode"].append(end - begin)


def _reload_broken(it: Soak, client: Client, breakage: str) -> None:
    editions = it.server.editions
    with editions.whole.broken():
        expected = Expected(ERROR, editions.write_broken(breakage), "refused, as it should be")
        begin = time.monotonic()
        it.judge(f"reload that {breakage}", _ask_to_reload(client), [expected], begin)
        begin = time.monotonic()
        outcome = client.tick("healthy_0")
        if outcome.kind == ANSWERED:
            edition = json.loads(outcome.text)["edition"]
            if not editions.oldest <= edition <= editions.newest:
                outcome = Outcome(WRONG, f"edition {edition} is served")
        it.judge("tick after it", outcome, [Expected(ANSWERED)], begin)
        editions.write()
    reload(it, client)


def _ask_to_reload(client: Client) -> Outcome:
    try:
        error = client.ask("ReloadCode", pb.ReloadCodeRequest(), _RELOAD_SECONDS)
    except grpc.RpcError as status:
        return refused(status)
    return understood(error) if error else Outcome(ANSWERED)


def keep_killing(it: Soak, client: Client) -> None:
    """Kill a process of the server at intervals counted in operations, until the soak ends."""
    every = it.progress.every(it.settings.kill_every)
    for role, _ in zip(itertools.cycle(_VICTIMS), every, strict=False):
        with contextlib.ExitStack() as stack:
            if role != "evaluator":
                # The server recovers with the code on disk, so that code must be whole.
                stack.enter_context(it.server.editions.whole.relied_on())
            _kill(it, client, role)


def _kill(it: Soak, client: Client, role: str) -> None:
    front = it.server.process.pid
    found: list[psutil.Process] = []

    def find() -> bool:
        found[:] = census.workers(front, role)
        return bool(found)

    def is_back() -> bool:
        if it.progress.abort.is_set():
            return True
        return client.tick("healthy_0", seconds=_TICK_SECONDS).kind == ANSWERED

    if not eventually(find, _FINDING_SECONDS, every=0.01):
        return
    victim = client.random.choice(found)
    begin = time.monotonic()
    disruption = Disruption(role, begin)
    it.tally.disruptions.append(disruption)
    with contextlib.suppress(psutil.NoSuchProcess):
        doomed = [victim, *census.workers(victim.pid, "host", "evaluator")]
        victim.kill()
        # Until all of them have ended, one of them may still answer.
        eventually(lambda: not any(map(is_alive, doomed)), _GONE_SECONDS, every=0.01)
    if eventually(is_back, _RECOVERY_SECONDS):
        disruption.recovery = time.monotonic() - begin
    else:
        outcome = Outcome(WRONG, f"no tick was answered within {_RECOVERY_SECONDS} s")
        it.judge(f"kill of {role}", outcome, [], begin)
    disruption.end = time.monotonic() + _EXCUSED_SECONDS[role]
