"""The aims of the bench as data, and their comparison with the figures of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Figure, Results, advantage, better
from bench.servers import API, BAKED, CODE_SERVER, ECHO, OURS

STOCK = (API.key, CODE_SERVER.key)


@dataclass(frozen=True)
class Aim:
    """A goal for some figures at some locations.

    Attributes:
        what: the subject of the aim.
        wanted: the aim in words.
        names: names of the figures, each of which must reach it.
        places: names of the locations, each of which must reach it.
        times: the factor by which ours must be better than the others; 0.5 allows it to be twice
            as bad.
        against: keys of the servers to compare with, of which the best counts.
        most: a maximum for ours instead of a comparison, in the unit of the figure.
        ours: key of the server that must reach the aim.
        optional: leave the aim out if that server was not measured.
        reason: the reason why the aim is missed, shown only if it is.
    """

    what: str
    wanted: str
    names: Sequence[str]
    places: Sequence[str]
    times: float = 1.0
    against: Sequence[str] = STOCK
    most: float | None = None
    ours: str = OURS.key
    optional: bool = False
    reason: str = "no reason is known"


@dataclass(frozen=True)
class Check:
    """A comparison of ours with another figure, if the aim is not a number.

    The margin is 1 if the aim is just reached, and more if it is surpassed.
    """

    ours: Figure
    other: Figure | None
    margin: float


@dataclass(frozen=True)
class Outcome:
    """The outcome of an aim.

    Attributes:
        aim: the aim.
        closest: the check with the smallest margin, which decides; None if nothing was measured.
        missing: the figures and locations that were not measured, in words.
    """

    aim: Aim
    closest: Check | None
    missing: Sequence[str]

    @property
    def reached(self) -> bool | None:
        """True if the aim is reached, False if not, None if missing figures leave it open."""
        if self.closest is not None and self.closest.margin < 1:
            return False
        return None if self.missing or not self.closest else True


def outcomes(results: Results, aims: Sequence[Aim] | None = None) -> list[Outcome]:
    """The outcome of every aim, without the optional ones that were not measured."""
    found = [_outcome(aim, results) for aim in (AIMS if aims is None else aims)]
    return [each for each in found if each.closest or not each.aim.optional]


def _outcome(aim: Aim, results: Results) -> Outcome:
    every = [(name, place) for name in aim.names for place in aim.places]
    checks = {each: _check(aim, results, *each) for each in every}
    missing = [f"{name} ({place})" for (name, place), check in checks.items() if check is None]
    made = [check for check in checks.values() if check]
    return Outcome(aim, min(made, key=lambda each: each.margin, default=None), missing)


def _check(aim: Aim, results: Results, name: str, place: str) -> Check | None:
    ours = better(results.of(name, place, [aim.ours]))
    if ours is None:
        return None
    if aim.most is not None:
        return Check(ours, None, math.inf if ours.value <= 0 else aim.most / ours.value)
    other = better(results.of(name, place, aim.against))
    times = None if other is None else advantage(ours, other)
    return None if times is None else Check(ours, other, times / aim.times)


_BOTH = ("example", "1000")
_SIXTEEN = ("16 connections", "one connection, 16 at once")

AIMS = (
    Aim(
        "server CPU per (Streaming)ExternalRepository call, 1,000 and 5,000 assets",
        "20 times less",
        ("ExternalRepository, server CPU", "StreamingExternalRepository, server CPU"),
        ("1000", "5000"),
        times=20,
    ),
    Aim(
        "server CPU per repeated location load",
        "10 times less",
        ("repeated create_location, server CPU",),
        ("100", "1000", "5000"),
        times=10,
        reason="with 100 assets, a load is eight calls of less than a millisecond each. Most of "
        "that time is the opening of a channel, which Dagster's client does for every call and "
        "gRPC makes equally slow for every server. With 1,000 and 5,000 assets, the aim is reached",
    ),
    Aim(
        "ExternalJob calls a second, 16 clients",
        "5 times more",
        [f"ExternalJob, {how}" for how in _SIXTEEN],
        ("1000",),
        times=5,
    ),
    Aim(
        "GetServerId and ListRepositories calls a second, 16 clients, beside a bare gRPC server",
        "at least 0.9 times as many",
        [f"{call}, {how}" for call in ("GetServerId", "ListRepositories") for how in _SIXTEEN],
        ("1000",),
        times=0.9,
        against=(ECHO.key,),
        reason="the difference is about 20 µs a call. The bare server has no handler that reads "
        "the request, looks at the state of the location and turns errors into statuses",
    ),
    Aim(
        "GetServerId, p99 while four CPU-bound ticks run",
        "20 times less",
        ("GetServerId, p99, while 4 CPU-bound ticks run",),
        _BOTH,
        times=20,
    ),
    Aim(
        "plans a second and CPU-bound ticks a second, 8 clients",
        "1.5 times more",
        ("plans, 8 clients", "CPU-bound ticks, 8 clients"),
        _BOTH,
        times=1.5,
        reason="one plan takes a tenth to a fifth more CPU than in a thread of the server, because "
        "it goes to another process and back. The two cores lack that CPU",
    ),
    Aim(
        "tick and plan, p50 on an idle server",
        "at most 1.2 times as long",
        ("tick, p50", "ExecutionPlanSnapshot, p50"),
        _BOTH,
        times=1 / 1.2,
        reason="a request for user code goes to another process and back, which takes 0.3 to 0.6 "
        "ms. That is the price of user code that cannot hurt the server",
    ),
    Aim(
        "time to the reply to StartRun, 1,000 assets",
        "20 times sooner",
        ("time to the reply to StartRun",),
        ("1000",),
        times=20,
    ),
    Aim(
        "time to the first event of a run, 1,000 assets",
        "10 times sooner",
        ("time to the first event of a run",),
        ("1000",),
        times=10,
    ),
    Aim(
        "time and CPU of 10 steps in a chain",
        "10 times less",
        ("time of 10 steps in a chain", "CPU of 10 steps in a chain"),
        _BOTH,
        times=10,
    ),
    Aim(
        "time of 50 steps side by side",
        "10 times less",
        ("time of 50 steps side by side",),
        _BOTH,
        times=10,
    ),
    Aim(
        "start of a step, 10 steps in a chain",
        "at most 0.15 s",
        ("start of a step, 10 steps in a chain",),
        _BOTH,
        most=0.15,
    ),
    Aim(
        "memory of a run with 4 steps",
        "no more",
        ("memory of a run with 4 steps",),
        _BOTH,
    ),
    Aim(
        "time from saving a file until it is served, the example",
        "10 times sooner",
        ("time from saving a file until it is served",),
        ("example",),
        times=10,
    ),
    Aim(
        "time from saving a file until it is served, 1,000 assets",
        "4 times sooner",
        ("time from saving a file until it is served",),
        ("1000",),
        times=4,
        reason="three quarters of the time is Dagster's own Python, which makes 1,000 definitions "
        "during the import, resolves them and describes them. Stock does the same work",
    ),
    Aim(
        "time from exec to the first location load",
        "no later",
        ("time from exec to first location load",),
        ("example", "100", "1000", "5000"),
    ),
    Aim(
        "time from exec to the first location load with a snapshot, 1,000 assets",
        "8 times sooner",
        ("time from exec to first location load",),
        ("1000",),
        times=8,
        ours=BAKED.key,
        optional=True,
        reason="Dagster's client takes 0.5 s to make objects of the replies of any server. The "
        "server itself is ready after 0.25 s",
    ),
    Aim(
        "memory (PSS) when loaded, 1,000 assets, beside `dagster code-server start`",
        "less",
        ("memory when loaded",),
        ("1000",),
        against=(CODE_SERVER.key,),
    ),
    Aim(
        "memory (PSS) when loaded, 1,000 assets, beside `dagster api grpc`",
        "at most 1.4 times as much",
        ("memory when loaded",),
        ("1000",),
        times=1 / 1.4,
        against=(API.key,),
    ),
    Aim(
        "growth of memory over 1,000 ticks and over 50 reloads",
        "at most 2 MB",
        ("growth of memory over 1,000 ticks", "growth of memory over 50 reloads"),
        ("example",),
        most=2e6,
    ),
    Aim(
        "memory (PSS) of 50 small locations",
        "at most 1 GB",
        ("memory of 50 locations when loaded",),
        ("small",),
        most=1e9,
        optional=True,
        reason="a small location has 16 MB in the process that has loaded it, and 4 MB in its "
        "forkserver. Nearly all of that is memory with Dagster's objects, which the processes "
        "share until Python counts a reference to one of them",
    ),
    Aim(
        "memory (PSS) of 10 locations of 1,000 assets",
        "4 times less",
        ("memory of 10 locations when loaded",),
        ("1000",),
        times=4,
        against=(API.key,),
        optional=True,
        reason="half of it is the definitions themselves, as objects of Dagster, which any server "
        "that has loaded them must have. `--idle-unload` ends the process that has them",
    ),
    Aim(
        "time until 50 small locations are loaded, beside the time of one",
        "less than 10 times as long",
        ("time until 50 locations are loaded, as a multiple of one",),
        ("small",),
        most=10,
        optional=True,
    ),
    Aim(
        "GetServerId of a healthy location, p99, while others crash, import for ever and burn CPU",
        "at most 1.2 times as long as alone",
        ("GetServerId, p99, beside misbehaving locations, as a multiple of alone",),
        ("small",),
        most=1.2,
        optional=True,
    ),
    Aim(
        "GetServerId by name, beside the port of the location",
        "at most 1.1 times as long",
        [
            f"GetServerId, {how}, time by name as a multiple"
            for how in ("new channels", "calls a second")
        ],
        ("small",),
        most=1.1,
        optional=True,
        reason="a connection by name is accepted twice, by the router and by the gRPC server of "
        "the location, which takes 0.2 ms of the first call. Later calls over it cost a "
        "twentieth more",
    ),
    Aim("CPU while idle with three watchers", "no more", ("CPU while idle",), ("1000",)),
    Aim(
        "CPU of a health probe",
        "20 times less",
        ("CPU of a health probe",),
        ("example",),
        times=20,
    ),
)
