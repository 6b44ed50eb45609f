"""The soak itself: start a server, load it, disrupt it, let it rest, and check what is left."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from dagster import DagsterInstance
from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.processes import adopt_orphans
from bench.soak import calling, census, control
from bench.soak.calling import Client
from bench.soak.census import Sample
from bench.soak.chaos import Kills, Reloads
from bench.soak.operations import Operation, operations
from bench.soak.outcomes import Outcome, verdict
from bench.soak.progress import Progress, eventually
from bench.soak.runs import Runs
from bench.soak.server import Server, serving
from bench.soak.tally import Tally, Unexpected

MARGIN = 16 * 2**20
"""Bytes by which the front may grow after the first quarter."""
_SETTLE_SECONDS = 60.0
_GONE_SECONDS = 20.0
_SAMPLE_SECONDS = 2.0
_JOIN_SECONDS = 180.0
_QUARTERS = {0.25: "1st quarter", 0.5: "2nd quarter", 0.75: "3rd quarter"}


@dataclass(frozen=True)
class Settings:
    """The settings of a soak.

    Attributes:
        minutes: duration of the load; None to stop after the operations.
        operations: number of operations; None for as many as fit into the time.
        clients: number of clients.
        seed: seed of the clients' actions; their order between clients still varies.
        pause: mean pause of a client between two operations, in seconds.
        reload_every: operations between two reloads.
        kill_every: operations between two kills.
    """

    minutes: float | None = None
    operations: int | None = None
    clients: int = 32
    seed: int = 1
    pause: float = 0.4
    reload_every: int = 120
    kill_every: int = 600


@dataclass(frozen=True)
class _Soak:
    settings: Settings
    server: Server
    runs: Runs
    progress: Progress
    tally: Tally

    def client(self, name: str) -> Client:
        return Client(
            self.server.socket,
            self.server.client.requests,
            Random(f"{self.settings.seed} {name}"),
            self.progress.abort,
        )

    def sample(self, name: str = "") -> Sample:
        sample = census.take(self.server.process.pid, self.progress.elapsed)
        self.tally.samples.append(sample)
        if name:
            self.tally.marks[name] = sample
        return sample


def soak(settings: Settings) -> Tally:
    """Soak a server; returns the tally."""
    adopt_orphans()
    before = {process.pid for process in census.workers(os.getpid())}
    tally = Tally()
    with serving() as (server, instance):
        try:
            _soak(settings, server, instance, tally)
        finally:
            tally.exit_code = server.stop()
            eventually(lambda: not census.left_behind(before), _GONE_SECONDS)
            for process in census.left_behind(before):
                tally.problems.append(f"left behind: {process}")
                process.kill()
        if tally.exit_code != 0:
            tally.problems.append(f"exit code after SIGTERM: {tally.exit_code}")
        tally.problems += [f"in the server's log: {each}" for each in server.defects]
        tally.log = server.log
    return tally


def _soak(settings: Settings, server: Server, instance: DagsterInstance, tally: Tally) -> None:
    runs = Runs(instance, server.editions.whole)
    with contextlib.closing(Client(server.socket, server.client.requests, Random(0))) as client:
        runs.prepare(client)
        client.stub.ReloadCode(pb.ReloadCodeRequest())  # ends the evaluators of the old generation
    if not eventually(lambda: _is_at_rest(server), _SETTLE_SECONDS):
        tally.problems.append("it did not come to rest after its start")
    seconds = settings.minutes * 60 if settings.minutes else None
    it = _Soak(settings, server, runs, Progress(settings.operations, seconds), tally)
    it.sample("start")
    with _threads(it) as threads:
        _join(threads, _JOIN_SECONDS + (seconds or 0.0))
    tally.elapsed = it.progress.elapsed
    if server.process.poll() is not None:
        tally.problems.append(f"the front has ended with code {server.process.returncode}")
        return
    it.sample("end of load")
    _rest(it)


@contextlib.contextmanager
def _threads(it: _Soak) -> Iterator[list[threading.Thread]]:
    """Run clients, reloads, kills and samples concurrently; yields the threads of the clients."""
    settings, server, progress, tally = it.settings, it.server, it.progress, it.tally
    table = operations(it.runs, server.editions)
    with contextlib.ExitStack() as stack:

        def client(name: str) -> Client:
            return stack.enter_context(contextlib.closing(it.client(name)))

        def start(name: str, work: Callable[[], None]) -> threading.Thread:
            thread = threading.Thread(target=_run, args=(it, work), name=name, daemon=True)
            thread.start()
            return thread

        stack.enter_context(control.watching(server.socket, progress, tally))
        reloads = Reloads(server, client("reloads"), progress, tally)
        kills = Kills(server, client("kills"), progress, tally)
        others = [
            start("reloads", lambda: reloads.go_on(settings.reload_every)),
            start("kills", lambda: kills.go_on(settings.kill_every)),
            start("census", lambda: _keep_sampling(it)),
        ]
        clients = [client(f"client {number}") for number in range(settings.clients)]
        loads = [
            start(f"client {number}", partial(_load, it, each, table))
            for number, each in enumerate(clients)
        ]
        try:
            yield loads
        except BaseException:
            it.progress.abort.set()
            # The calls under way end with the server.
            server.process.terminate()
            raise
        finally:
            progress.end()
            _join([*loads, *others], _JOIN_SECONDS)


def _join(threads: list[threading.Thread], within: float) -> None:
    end = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _run(it: _Soak, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        name = threading.current_thread().name
        it.tally.problems.append(f"the soak's own {name} failed: {traceback.format_exc()}")
        it.progress.end()


def _keep_sampling(it: _Soak) -> None:
    quarters = dict(_QUARTERS)
    while not it.progress.stop.wait(_SAMPLE_SECONDS):
        passed = [each for each in quarters if each <= it.progress.fraction]
        it.sample(quarters.pop(passed[0]) if passed else "")


def _load(it: _Soak, client: Client, table: list[Operation]) -> None:
    weights = [each.weight for each in table]
    while it.progress.take():
        (operation,) = client.random.choices(table, weights)
        _do(it, client, operation)
        it.progress.stop.wait(client.random.expovariate(1 / it.settings.pause))


def _do(it: _Soak, client: Client, operation: Operation) -> None:
    begin = time.monotonic()
    try:
        outcome = operation.act(client)
    except Exception as error:
        outcome = Outcome("exception", repr(error))
    end = time.monotonic()
    needs = operation.needs_process
    disrupted = needs and it.tally.was_disrupted(begin, end)
    found = verdict(outcome, operation.expected, may_wait=needs, after_a_kill=disrupted)
    if found:
        it.tally.count(operation.name, found, end - begin)
    else:
        at = begin - it.progress.began
        it.tally.add_unexpected(Unexpected(at, operation.name, outcome, end - begin))


def _is_at_rest(server: Server) -> bool:
    sample = census.take(server.process.pid, 0.0)
    numbers = {role: count for role, count in sample.numbers.items() if role not in census.AHEAD}
    return numbers == {"front": 1, "forkserver": 1, "host": 1} and not sample.zombies


def _rest(it: _Soak) -> None:
    """Let the server come to rest, and check that it is as at the start."""
    server, tally, start = it.server, it.tally, it.tally.marks["start"]
    with contextlib.closing(it.client("last")) as client:
        # Evaluators, and what user code has started in them, end with their generation.
        Reloads(server, client, it.progress, tally).reload()
        # The server drops a run a moment after the run has a final status.
        if not eventually(lambda: not calling.current_runs(client), _GONE_SECONDS):
            tally.problems.append(f"runs that never ended: {calling.current_runs(client)}")
    if not eventually(lambda: _is_at_rest(server), _SETTLE_SECONDS):
        tally.problems.append(
            f"not at rest: {census.take(server.process.pid, it.progress.elapsed)}"
        )
    eventually(lambda: census.take(server.process.pid, 0.0).fds <= start.fds, _GONE_SECONDS)
    end = it.sample("at rest")
    if end.fds > start.fds:
        tally.problems.append(f"the front has {end.fds} descriptors, and had {start.fds}")
    early = tally.marks.get("1st quarter", start)
    if (growth := end.pss["front"] - early.pss["front"]) > MARGIN:
        tally.problems.append(f"the front has grown by {growth / 2**20:.1f} MiB since quarter 1")
    # Judge each run again now that no event can follow: a run may have ended twice.
    problems = [problem for run_id in it.runs.started if (problem := it.runs.judge(run_id))]
    tally.problems += problems
