"""Reloads: requests during edits."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial

from bench.attempts import Answers, Attempt, Call, quantile, repeating
from bench.measurement import Measurement
from bench.resources import rest
from bench.results import Unit, shorten
from bench.servers import Server
from bench.subjects import EXAMPLE, PACKAGES, many_assets
from bench.workloads.edits import edited

SUBJECTS = (EXAMPLE, PACKAGES, many_assets(1000))

_CLIENTS = 16
_PAUSE_SECONDS = 0.1
_RELOADS_A_TURN = 5


def measure(it: Measurement) -> None:
    """Requests of 16 clients during 50 edits of the file, with no rest between edits.

    Each client makes a call, waits for its end, pauses for 0.1 s and makes the next one. The calls
    are, in turn, GetServerId (limit 2 s), ListRepositories (2 s), ExternalJob and a sensor's tick
    (10 s). Dagster's client opens a new channel for each. An edit follows when the one before it is
    served and ReloadCode, if it is called, has replied. The servers take turns of 5 edits. A
    request fails with a gRPC error or with an error in its reply. The times are those of the
    answered requests. All clients are threads of one process and share two cores with the servers,
    which lengthens all times. A faster reload leaves less time for requests.
    """
    made: dict[str, list[Attempt]] = {}
    with edited(it) as servers:
        for _ in range(it.times(50 // _RELOADS_A_TURN)):
            for each in servers:
                rest(each.server for each in servers)
                with repeating(_clients(each.server, it.subject.job), _PAUSE_SECONDS) as answers:
                    for _ in range(it.times(_RELOADS_A_TURN)):
                        each.edit()
                made.setdefault(each.server.key, []).extend(answers)
    for key, attempts in made.items():
        _note(it, key, attempts)


def _clients(server: Server, job: str) -> list[list[Call]]:
    client = server.client
    calls: list[Call] = [*client.hot_calls(job).values(), partial(client.tick, "quick", seconds=10)]
    firsts = (number % len(calls) for number in range(_CLIENTS))
    return [calls[first:] + calls[:first] for first in firsts]


def _note(it: Measurement, key: str, attempts: list[Attempt]) -> None:
    errors = Counter(shorten(each.error) for each in attempts if each.error is not None)
    for error, count in errors.most_common():
        print(f"{key}: {count}x {error}", file=sys.stderr)
    answers = Answers.of(attempts)
    it.add("requests while code is reloaded", key, Unit.CALLS, answers.asked)
    it.add("requests that failed", key, Unit.CALLS, sum(errors.values()))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("the longest", 1.0)):
        if answers.seconds:
            seconds = quantile(answers.seconds, share)
            it.add(f"time of a request, {name}", key, Unit.SECONDS, seconds)
