"""Memory: what a server takes, and whether that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.memory_use import memory_of
from bench.comparison.once_loaded import load_once
from bench.comparison.samples import Samples, tolerated
from bench.comparison.serving import serving
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.processes import kill_descendants
from bench.reload.rest import rest
from bench.servers import Kind, Server

SUBJECTS: tuple[Subject, ...] = (EXAMPLE, many_assets(1000), many_assets(5000))
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)

_TICKS = 1000
_MOST_GROWN = 1000
"""Assets of the largest location with which growth is measured."""


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
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
    samples = Samples(subject.name)
    with serving(kinds, subject) as servers:
        _for_each(servers, lambda server: _note_use(server, samples))
        if subject.assets <= _MOST_GROWN:
            few = subject is not EXAMPLE
            _for_each(servers, lambda server: _note_growth(server, samples, effort, few=few))
    yield from samples.figures()


def _for_each(servers: Sequence[Server], do: Callable[[Server], None]) -> None:
    """Do it with all at the same time."""

    def try_it(server: Server) -> None:
        with tolerated(server, "memory"):
            do(server)

    with ThreadPoolExecutor(len(servers)) as threads:
        futures = [threads.submit(try_it, server) for server in servers]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            kill_descendants()  # or the calls that are under way would be waited for
            raise


def _note_use(server: Server, samples: Samples) -> None:
    samples.add("memory when ready", server.kind, Unit.BYTES, _settled(server))
    load_once(server)
    samples.add("memory when loaded", server.kind, Unit.BYTES, _settled(server))


def _note_growth(server: Server, samples: Samples, effort: Effort, *, few: bool) -> None:
    ticks = effort.times(_TICKS, quick=5)
    grown = _growth(server, lambda: server.calls.tick("quick"), effort.times(200, quick=5), ticks)
    samples.add(f"growth of memory over {ticks:,} ticks", server.kind, Unit.BYTES, grown)
    if server.kind.key == "api":
        return
    reloads = effort.times(5 if few else 50)
    grown = _growth(server, server.calls.reload, effort.times(1 if few else 5), reloads)
    name = f"growth of memory over {reloads} reload{'s' if reloads > 1 else ''}"
    samples.add(name, server.kind, Unit.BYTES, grown)


def _growth(server: Server, do: Callable[[], str], before: int, times: int) -> int:
    """Bytes by which it grows while something is done so often, after it was done before."""
    for _ in range(before):
        do()
    began = _settled(server)
    for _ in range(times):
        do()
    return _settled(server) - began


def _settled(server: Server) -> int:
    """What it takes when it has nothing to do."""
    rest([server])
    return memory_of(server.processes)
