"""Memory: use and growth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.client import said
from bench.measurement import Measurement
from bench.processes import threads
from bench.resources import memory_of, rest
from bench.results import Unit
from bench.servers import API, Server
from bench.subjects import EXAMPLE, many_assets

SUBJECTS = (EXAMPLE, many_assets(1000), many_assets(5000))

_TICKS = 1000
_MOST_GROWN = 1000
"""Number of assets of the largest location for which growth is measured."""


def measure(it: Measurement) -> None:
    """The memory of all processes of a server together, as PSS: memory that they share counts once.

    Pages of files, such as libraries, count in full, even if other processes of the machine use
    them. So the figure is that of a server alone in a container.

    Each value is taken when the server has used no CPU for half a second, or after 20 s. "When
    ready" is after the first reply to ListRepositories. "When loaded" is after one complete
    location load by Dagster's client, with ExternalJob for every job.

    Growth is the difference between two such values, after one location load. Over 1,000 ticks:
    from the 200th to the 1,200th tick of a sensor that skips at once, one after the other. Over 50
    reloads: from the 5th to the 55th ReloadCode of an unchanged file, after the ticks. `dagster api
    grpc` has no figure there, because it cannot load code again. With 1,000 assets there are only 5
    reloads, after one, because they take long. With 5,000 assets, growth is not measured. The
    servers run side by side and do all this at the same time.
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
