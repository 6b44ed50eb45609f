"""Faults: what is still answered after ticks that hang, and after one that crashes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.answers import Answers
from bench.calls import SHORT_SECONDS, attempt
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject
from bench.faults.probes import Probe, running
from bench.processes import kill_descendants
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_HUNG = 40
_HUNG_SECONDS = 9
_BEGIN_SECONDS = 2.0
_GOING_SECONDS = 4.0
_RECOVERY_SECONDS = 30.0
_GONE_SECONDS = 3.0
_CALLS_AFTERWARDS = 10


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """What is answered when user code hangs and crashes; one server after the other.

    Hanging: 40 ticks of a sensor that never returns are asked for at once, each with a limit of
    9 s. Two seconds later, for 4 s, GetServerId is called 20 times a second, ListRepositories 5
    times and a sensor that skips at once 2 times a second, each call with a limit of 2 s and a new
    channel; that is "while 40 ticks hang". Four seconds after all callers of the hanging ticks have
    given up, the same is done for 4 s again; that is "after 40 hung ticks". Without an answer there
    is no p99. The calls that were not answered are not in it.

    Crashing: a tick reads the memory at address 0. At once the healthy sensor is ticked until that
    works; the time is from the failure of the first to the answer of the second. There is none when
    no tick works for 30 s, or when the server's process has been gone for 3 s, because nothing
    starts it again but its owner. Then GetServerId and the healthy sensor are called 10 times more
    each, with a limit of 2 s.
    """
    samples = Samples(subject.name)
    for harm in (_hang, _crash):
        with serving(kinds, subject) as servers:
            for server in servers:
                with tolerated(server, "a fault"):
                    server.calls.tick("quick")
                    rest([server])
                    harm(server, samples, effort)
    yield from samples.figures()


def _hang(server: Server, samples: Samples, effort: Effort) -> None:
    seconds = effort.times(4, quick=1)
    with ThreadPoolExecutor(_HUNG) as threads:
        try:
            for _ in range(_HUNG):
                threads.submit(attempt, lambda: server.calls.tick("hangs", seconds=_HUNG_SECONDS))
            time.sleep(_BEGIN_SECONDS)
            _ask(server, samples, "while 40 ticks hang", seconds)
        except KeyboardInterrupt:
            kill_descendants()  # or the calls that are under way would be waited for
            raise
    time.sleep(_GOING_SECONDS)
    _ask(server, samples, "after 40 hung ticks", seconds)


def _ask(server: Server, samples: Samples, when: str, seconds: int) -> None:
    ids = Probe(server.calls.server_id, 20)
    listings = Probe(server.calls.list_repositories, 5)
    ticks = Probe(lambda: _tick(server), 2)
    with running(ids, listings, ticks):
        time.sleep(seconds)
    if ids.answers.p99 is not None:
        p99 = ids.answers.p99 / 1000
        samples.add(f"GetServerId, p99, {when}", server.kind, Unit.SECONDS, p99)
    _note(samples, server, f"GetServerId calls answered {when}", ids.answers)
    _note(samples, server, f"ListRepositories calls answered {when}", listings.answers)
    _note(samples, server, f"ticks of another sensor answered {when}", ticks.answers)


def _crash(server: Server, samples: Samples, effort: Effort) -> None:
    attempt(lambda: server.calls.tick("segfaults"))
    took = _until_a_tick_works(server)
    if took is not None:
        samples.add("time from a segfault to a working tick", server.kind, Unit.SECONDS, took)
    calls = effort.times(_CALLS_AFTERWARDS, quick=2)
    ids = Answers.of(attempt(server.calls.server_id) for _ in range(calls))
    ticks = Answers.of(attempt(lambda: _tick(server)) for _ in range(calls))
    _note(samples, server, "GetServerId calls answered after a segfault", ids)
    _note(samples, server, "ticks of another sensor answered after a segfault", ticks)


def _until_a_tick_works(server: Server) -> float | None:
    began = time.monotonic()
    while attempt(lambda: _tick(server)).error is not None:
        waited = time.monotonic() - began
        is_gone = server.exit_code is not None and waited > _GONE_SECONDS
        if is_gone or waited > _RECOVERY_SECONDS:
            return None
        time.sleep(0.02 if waited < _GONE_SECONDS else 0.5)
    return time.monotonic() - began


def _tick(server: Server) -> str:
    return server.calls.tick("quick", seconds=SHORT_SECONDS)


def _note(samples: Samples, server: Server, name: str, answers: Answers) -> None:
    share = 100 * answers.answered / answers.asked
    samples.add(name, server.kind, Unit.SHARE, share, more_is_better=True)
