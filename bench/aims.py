"""The aims of the bench as data; of two stock servers, the better one counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import OURS, STOCK

ECHO = "echo"
"""Key of the server that only sends prepared replies."""
BAKED = "ours-snapshot"
"""Key of codeserver with a snapshot that was made before the start."""


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
    ours: str = OURS
    optional: bool = False
    reason: str = "no reason is known"


_BOTH = ("example", "1000")
_EVERY = ("example", "100", "1000", "5000")
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
        reason="with 100 assets a load is eight calls of less than a millisecond each, most of "
        "which goes into opening a channel, as Dagster's client does for every call; that"
        " is gRPC's and the same for every server. With 1,000 and 5,000 assets it is "
        "reached",
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
        against=(ECHO,),
        reason="what is missing are some 20 µs a call: the bare server has no handler that reads"
        " the request, looks at the state of the location and turns errors into statuses",
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
        reason="one plan takes a tenth to a fifth more CPU here than in a thread of the server, "
        "for the way to another process and back, and that comes off the two cores",
    ),
    Aim(
        "tick and plan, p50 on an idle server",
        "at most 1.2 times as long",
        ("tick, p50", "ExecutionPlanSnapshot, p50"),
        _BOTH,
        times=1 / 1.2,
        reason="a request for user code goes to another process and back, which takes 0.3 to 0.6"
        " ms, whatever else it takes; that is the price of user code that cannot hurt the"
        " server",
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
        "from saving a file until it is served, the example",
        "10 times sooner",
        ("time from saving a file until it is served",),
        ("example",),
        times=10,
    ),
    Aim(
        "from saving a file until it is served, 1,000 assets",
        "4 times sooner",
        ("time from saving a file until it is served",),
        ("1000",),
        times=4,
        reason="three quarters of it is Dagster's own Python: making 1,000 definitions while the"
        " module is imported, resolving them, and describing them; that is the same work "
        "with stock",
    ),
    Aim(
        "time from exec to the first location load",
        "no later",
        ("time from exec to first location load",),
        _EVERY,
    ),
    Aim(
        "the same with a baked snapshot, 1,000 assets",
        "8 times sooner",
        ("time from exec to first location load",),
        ("1000",),
        times=8,
        ours=BAKED,
        optional=True,
        reason="0.5 s of it is what Dagster's client takes to make objects of the replies, "
        "whatever the server does; the server is ready after 0.25 s",
    ),
    Aim(
        "memory (PSS) when loaded, 1,000 assets, beside `dagster code-server start`",
        "less",
        ("memory when loaded",),
        ("1000",),
        against=("code-server",),
    ),
    Aim(
        "memory (PSS) when loaded, 1,000 assets, beside `dagster api grpc`",
        "at most 1.4 times as much",
        ("memory when loaded",),
        ("1000",),
        times=1 / 1.4,
        against=("api",),
    ),
    Aim(
        "growth of memory over 1,000 ticks and over 50 reloads",
        "none measurable: at most 2 MB",
        ("growth of memory over 1,000 ticks", "growth of memory over 50 reloads"),
        ("example",),
        most=2e6,
    ),
    Aim(
        "CPU while idle with three watchers",
        "no more",
        ("CPU while idle",),
        ("1000",),
    ),
    Aim(
        "CPU of a health probe",
        "20 times less",
        ("CPU of a health probe",),
        ("example",),
        times=20,
    ),
)
