"""Memory: what a server takes, and whether that grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.client import said
from bench.figures import Unit
from bench.measurement import Measurement
from bench.processes import threads
from bench.resources import memory_of, rest
from bench.servers import API, Server
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000), many_assets(5000))

_TICKS = 1000
_MOST_GROWN = 1000
"""Number of assets of the largest location for which growth is measured."""


def measure(it: Measurement) -> None:
    """Memory of all processes of a server together, as PSS: what several of them share counts once.

    Pages of files, such as libraries, count wholly, although other processes on the machine have
    them, too: a server takes as much as it would alone in a container.

    Each value is taken when the server has used no CPU for half a second, or after 20 s of waiting
    for that. "When ready" is after ListRepositories was answered for the first time, "when loaded"
    after one complete location load by Dagster's client, with ExternalJob for every job.

    Growth is the difference between two such values, with one location load before. Over 1,000
    ticks: between the 200th tick and the 1,200th, one after the other, of a sensor that skips at
    once. Over 50 reloads: between the 5th ReloadCode and the 55th, with the file as it is; it is
    measured after the ticks, and not of `dagster api grpc`, which cannot load code again. With
    1,000 assets it is over 5 reloads, after one, because of the time that they take, and with 5,000
    assets there is no growth measured. The servers run side by side, and all go through this at the
    same time.
    """
    with it.serving() as servers:
        _for_each(it, servers, _note_use)
        if it.subject.assets <= _MOST_GROWN:
            _for_each(it, servers, _note_growth)


def _for_each(
    it: Measurement, servers: Sequence[Server], do: Callable[[Measurement, Server], None]
) -> None:
    """Do it with all servers at the same time."""

    def try_it(server: Server) -> None:
        with it.tolerated(server, "memory"):
            do(it, server)

    with threads(len(servers)) as pool:
        list(pool.map(try_it, servers))


def _note_use(it: Measurement, server: Server) -> None:
    it.add("memory when ready", server.key, Unit.BYTES, _settled(server))
    server.client.load()
    it.add("memory when loaded", server.key, Unit.BYTES, _settled(server))


def _note_growth(it: Measurement, server: Server) -> None:
    few = it.subject is not EXAMPLE
    ticks = it.times(_TICKS, quick=5)
    grown = _growth(server, lambda: server.client.tick("quick"), it.times(200, quick=5), ticks)
    it.add(f"growth of memory over {ticks:,} ticks", server.key, Unit.BYTES, grown)
    if server.key == API.key:
        return
    reloads = it.times(5 if few else 50)
    grown = _growth(server, server.client.reload, it.times(1 if few else 5), reloads)
    name = f"growth of memory over {reloads} reload{'s' if reloads > 1 else ''}"
    it.add(name, server.key, Unit.BYTES, grown)


def _growth(server: Server, do: Callable[[], str], before: int, times: int) -> int:
    """Growth in bytes during `times` repetitions, after `before` repetitions as a warm-up."""
    for _ in range(before):
        said(do)
    began = _settled(server)
    for _ in range(times):
        said(do)
    return _settled(server) - began


def _settled(server: Server) -> int:
    """The memory of the idle server in bytes."""
    rest([server])
    return memory_of(server.processes)
