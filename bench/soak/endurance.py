"""The soak itself: start a server, load and disrupt it, let it rest, and check the leftovers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial

import psutil  # type: ignore[import-untyped]
from dagster import DagsterInstance

from bench.processes import adopt_orphans, descendants, eventually
from bench.soak import census, control
from bench.soak.calling import Client
from bench.soak.chaos import keep_killing, keep_reloading, reload
from bench.soak.operations import Operation, operations
from bench.soak.runs import Runs
from bench.soak.server import Server, serving
from bench.soak.soaking import Progress, Settings, Soak
from bench.soak.tally import Outcome, Tally

MARGIN = 16 * 2**20
"""Bytes by which the front may grow after the first quarter."""
_SETTLE_SECONDS = 60.0
_GONE_SECONDS = 20.0
_SAMPLE_SECONDS = 2.0
_JOIN_SECONDS = 180.0
_QUARTERS = {0.25: "1st quarter", 0.5: "2nd quarter", 0.75: "3rd quarter"}
_AT_REST = {"front": 1, "forkserver": 1, "host": 1}


def soak(settings: Settings) -> Tally:
    """Soak a server; returns the tally."""
    adopt_orphans()
    before = descendants(os.getpid())
    tally = Tally()

    def left_behind() -> list[psutil.Process]:
        return [each for each in descendants(os.getpid()) if each not in before]

    with serving() as (server, instance):
        try:
            _soak(settings, server, instance, tally)
        finally:
            tally.exit_code = server.stop()
            eventually(lambda: not left_behind(), _GONE_SECONDS)
            for process in left_behind():
                tally.problems.append(f"left behind: {process}")
                process.kill()
        if tally.exit_code != 0:
            tally.problems.append(f"exit code after SIGTERM: {tally.exit_code}")
        tally.problems += [f"in the server's log: {each}" for each in server.defects]
        tally.log = server.log
    return tally


def _soak(settings: Settings, server: Server, instance: DagsterInstance, tally: Tally) -> None:
    runs = Runs(server, instance)
    table = operations(runs, server.editions)
    server.client.reload()  # ends the evaluators of the old generation
    if not eventually(lambda: _is_at_rest(server), _SETTLE_SECONDS):
        tally.problems.append("it did not come to rest after its start")
    it = Soak(settings, server, runs, Progress(settings), tally)
    it.sample("start")
    with _threads(it, table) as threads:
        _join(threads, _JOIN_SECONDS + (settings.seconds or 0.0))
    tally.elapsed = it.progress.elapsed
    if server.exit_code is not None:
        tally.problems.append(f"the front has ended with code {server.exit_code}")
        return
    it.sample("end of load")
    _rest(it)


@contextlib.contextmanager
def _threads(it: Soak, table: list[Operation]) -> Iterator[list[threading.Thread]]:
    """Run clients, reloads, kills and samples concurrently; yields the threads of the clients."""
    with contextlib.ExitStack() as stack:

        def start(name: str, work: Callable[[Client], None]) -> threading.Thread:
            client = stack.enter_context(contextlib.closing(it.client(name)))
            thread = threading.Thread(
                target=_run, args=(it, partial(work, client)), name=name, daemon=True
            )
            thread.start()
            return thread

        stack.enter_context(control.watching(it))
        others = [
            start("reloads", partial(keep_reloading, it)),
            start("kills", partial(keep_killing, it)),
            start("census", lambda _: _keep_sampling(it)),
        ]
        numbers = range(it.settings.clients)
        loads = [start(f"client {number}", partial(_load, it, table)) for number in numbers]
        try:
            yield loads
        except BaseException:
            it.progress.abort.set()
            # The calls under way end with the server.
            it.server.process.terminate()
            raise
        finally:
            it.progress.end()
            _join([*loads, *others], _JOIN_SECONDS)


def _join(threads: list[threading.Thread], within: float) -> None:
    end = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _run(it: Soak, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        name = threading.current_thread().name
        it.tally.problems.append(f"the soak's own {name} failed: {traceback.format_exc()}")
        it.progress.end()


def _keep_sampling(it: Soak) -> None:
    quarters = dict(_QUARTERS)
    while not it.progress.stop.wait(_SAMPLE_SECONDS):
        passed = [each for each in quarters if each <= it.progress.fraction]
        it.sample(quarters.pop(passed[0]) if passed else "")


def _load(it: Soak, table: list[Operation], client: Client) -> None:
    weights = [each.weight for each in table]
    while it.progress.take():
        (operation,) = client.random.choices(table, weights)
        begin = time.monotonic()
        try:
            outcome = operation.act(client)
        except Exception as error:
            outcome = Outcome("exception", f"{type(error).__name__}: {error}")
        needs = operation.needs_process
        expected = operation.expected
        it.judge(operation.name, outcome, expected, begin, needs_process=needs, may_wait=needs)
        it.progress.stop.wait(client.random.expovariate(1 / it.settings.pause))


def _is_at_rest(server: Server) -> bool:
    sample = census.take(server.process.pid, 0.0)
    numbers = {role: count for role, count in sample.numbers.items() if role not in census.AHEAD}
    return numbers == _AT_REST and not sample.zombies


def _rest(it: Soak) -> None:
    """Let the server come to rest, and check that it is as at the start."""
    server, tally, start = it.server, it.tally, it.tally.marks["start"]
    with contextlib.closing(it.client("last")) as client:
        # Evaluators, and processes that user code has started in them, end with their generation.
        reload(it, client)
        # The server drops a run a moment after the run has a final status.
        if not eventually(lambda: not client.current_runs(), _GONE_SECONDS):
            tally.problems.append(f"runs that never ended: {client.current_runs()}")
    if not eventually(lambda: _is_at_rest(server), _SETTLE_SECONDS):
        tally.problems.append(f"not at rest: {it.sample()}")
    eventually(lambda: census.take(server.process.pid, 0.0).fds <= start.fds, _GONE_SECONDS)
    end = it.sample("at rest")
    if end.fds > start.fds:
        tally.problems.append(f"the front has {end.fds} descriptors, and had {start.fds}")
    early = tally.marks.get("1st quarter", start)
    if (growth := end.pss["front"] - early.pss["front"]) > MARGIN:
        tally.problems.append(f"the front has grown by {growth / 2**20:.1f} MiB since quarter 1")
    # Judge each run again now that no event can follow: a run may have ended twice.
    tally.problems += [fault for run_id in it.runs.started if (fault := it.runs.judge(run_id))]
