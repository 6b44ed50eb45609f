"""The table of the clients' operations, with their weights and expected outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.soak import calling
from bench.soak.calling import Client, called
from bench.soak.definitions import COPIES
from bench.soak.editions import Editions
from bench.soak.outcomes import (
    ANSWERED,
    CANCELLED,
    ERROR,
    REFUSED,
    TOO_LATE,
    WRONG,
    Expected,
    Outcome,
)
from bench.soak.runs import (
    EXITS,
    FAILS,
    IS_CANCELLED,
    IS_KILLED,
    SUCCEEDS,
    Ending,
    Runs,
    execute,
)

_SHORT = 1.0
"""Limit in seconds for a tick that does not end by itself."""


@dataclass(frozen=True)
class Operation:
    """An operation of a client.

    Attributes:
        name: the name for the report.
        weight: its frequency relative to the others.
        act: performs the operation.
        expected: the acceptable outcomes.
        needs_process: it needs an evaluator or a host, and so may be refused or cut short.
    """

    name: str
    weight: float
    act: Callable[[Client], Outcome]
    expected: Sequence[Expected]
    needs_process: bool = True


_ANSWERED = Expected(ANSWERED)
_IN_A_ROW = Expected(ERROR, r"has crashed \d+ times in a row", "left alone after crashes")


def operations(runs: Runs, editions: Editions) -> list[Operation]:
    """The table of operations."""
    return [
        *_cached(),
        *_evaluated(editions),
        *_faults(),
        *_abandoned(),
        *_runs(runs),
    ]


def _cached() -> list[Operation]:
    def read(name: str, weight: float, call: Callable[[Client], str]) -> Operation:
        return Operation(name, weight, lambda client: called(lambda: call(client)), [_ANSWERED])

    def of_front(name: str, weight: float, call: Callable[[Client], str]) -> Operation:
        act = read(name, weight, call).act
        return Operation(name, weight, act, [_ANSWERED], needs_process=False)

    def current(client: Client) -> Outcome:
        calling.current_runs(client)
        return Outcome(ANSWERED)

    repository = calling.repository
    return [
        of_front("list repositories", 6, calling.repositories),
        of_front("repository, deferred", 4, partial(repository, deferred=True, stream=False)),
        of_front("repository, deferred stream", 2, partial(repository, deferred=True, stream=True)),
        # The first caller after a reload waits until the reply is built.
        read("repository, whole", 2, partial(repository, deferred=False, stream=False)),
        read("repository, whole stream", 2, partial(repository, deferred=False, stream=True)),
        read(
            "job", 8, lambda client: calling.job(client, client.random.choice(["quick", "fragile"]))
        ),
        Operation("current runs", 2, current, [_ANSWERED], needs_process=False),
    ]


def _evaluated(editions: Editions) -> list[Operation]:
    def healthy(client: Client) -> Outcome:
        oldest = editions.oldest
        name, stream = f"healthy_{client.random.randrange(4)}", client.random.random() < 0.5
        outcome = calling.sensor(client, name, stream=stream)
        if outcome.kind != ANSWERED:
            return outcome
        found = json.loads(outcome.text)
        if not found["clean"]:
            return Outcome(WRONG, f"what another tick left behind: {found}")
        if not oldest <= found["edition"] <= editions.newest:
            return Outcome(WRONG, f"edition {found['edition']} after {oldest} was loaded")
        return outcome

    def ask(name: str, weight: float, call: Callable[[Client], str]) -> Operation:
        return Operation(name, weight, lambda client: called(lambda: call(client)), [_ANSWERED])

    days = [f"2024-01-{day:02}" for day in range(1, 31)]
    return [
        Operation("healthy tick", 30, healthy, [_ANSWERED]),
        Operation(
            "tick with runs", 4, lambda client: calling.sensor(client, "requests_runs"), [_ANSWERED]
        ),
        Operation(
            "schedule tick", 8, lambda client: calling.schedule(client, "daily", 0), [_ANSWERED]
        ),
        ask("plan", 5, partial(calling.plan, job="quick")),
        ask("plan of assets", 3, partial(calling.plan, job="assets_job")),
        ask("subset", 5, partial(calling.subset, job="quick", op="nothing")),
        ask("partition names", 4, partial(calling.partition_names, job="partitioned")),
        ask(
            "partition config", 4, partial(calling.partition_config, job="partitioned", key=days[0])
        ),
        ask("partition params", 3, partial(calling.partition_params, job="partitioned", keys=days)),
    ]


_CRASHES = {
    "sys_exits": r"User code raised SystemExit\(3\)|SystemExit: 3",
    "exits": "exited with code 7",
    "segfaults": r"signal 11 \(SIGSEGV\)",
    "aborts": r"signal 6 \(SIGABRT\)",
    "kills_itself": r"signal 9 \(SIGKILL\)",
    "closes_everything": "exited with code|has closed its connection",
}
_HANGS = (
    "hangs",
    "deadlocks_in_c",
    "sleeps_in_c",
    "ignores_sigterm",
    "swallows_everything",
    "hangs_with_grandchild",
    "burns_on",
)
_ODDITIES = (
    "burns",
    "allocates",
    "keeps_allocated",
    "prints",
    "leaves_grandchild",
    "starts_threads",
    "starts_daemon_threads",
    "changes_surroundings",
    "leaves_files_open",
)


def _copy(client: Client, fault: str) -> str:
    return f"{fault}_{client.random.randrange(COPIES)}"


def _faults() -> list[Operation]:
    def tick(client: Client, fault: str, seconds: float) -> Outcome:
        cursor = "well" if client.random.random() < 0.3 else ""
        outcome = calling.sensor(client, _copy(client, fault), cursor, seconds)
        if outcome.kind == ANSWERED and cursor and outcome.text != "well":
            return Outcome(WRONG, outcome.text)
        return outcome

    def fault(name: str, weight: float, seconds: float, *expected: Expected) -> Operation:
        return Operation(
            f"tick that {name}",
            weight,
            partial(tick, fault=name, seconds=seconds),
            [Expected(ANSWERED, "^well$", "answered when well"), *expected],
        )

    late = Expected(TOO_LATE)
    patience = calling.PATIENCE
    return [
        fault("raises", 2, patience, Expected(ERROR, "this tick fails")),
        *(
            fault(name, 1, patience, Expected(ERROR, pattern), _IN_A_ROW)
            for name, pattern in _CRASHES.items()
        ),
        *(fault(name, 0.4, _SHORT, late) for name in _HANGS),
        *(fault(name, 0.6, patience, Expected(ANSWERED, "^survived$")) for name in _ODDITIES),
        *_other_faults(),
    ]


def _other_faults() -> list[Operation]:
    late = Expected(TOO_LATE)
    raised = Expected(ERROR, "this tick fails")
    crashed = Expected(ERROR, r"signal 11 \(SIGSEGV\)")

    def minute(client: Client) -> Outcome:
        return calling.schedule(client, "fragile_schedule", client.random.randrange(4), _SHORT)

    def partition(client: Client) -> Outcome:
        key = client.random.choice(["fine", "raise", "crash", "hang"])
        return called(lambda: calling.partition_config(client, "fragile", key, _SHORT))

    outcomes = [_ANSWERED, raised, crashed, _IN_A_ROW, late]
    return [
        Operation("fragile schedule", 2, minute, outcomes),
        Operation("fragile partition", 2, partition, outcomes),
    ]


def _abandoned() -> list[Operation]:
    def abandon(client: Client, faults: Sequence[str]) -> Outcome:
        name = _copy(client, client.random.choice(faults))
        return calling.abandoned_sensor(client, name, client.random.uniform(0.0, 0.6))

    def abandon_healthy(client: Client) -> Outcome:
        return calling.abandoned_sensor(client, "healthy_0", client.random.uniform(0.0, 0.02))

    gone = Expected(CANCELLED)
    return [
        Operation("caller gives up a hang", 2, partial(abandon, faults=_HANGS), [gone]),
        Operation(
            "caller gives up a crash",
            1,
            partial(abandon, faults=("segfaults", "exits")),
            [gone, _IN_A_ROW, Expected(ERROR, r"signal 11 \(SIGSEGV\)|exited with code 7")],
        ),
        Operation("caller gives up a healthy tick", 2, abandon_healthy, [gone, _ANSWERED]),
    ]


def _runs(runs: Runs) -> list[Operation]:
    def run(name: str, weight: float, job: str, ending: Ending) -> Operation:
        def act(client: Client) -> Outcome:
            with runs.place() as taken:
                if not taken:
                    return Outcome(REFUSED, "by the soak: enough runs at a time")
                return execute(runs, client, job, ending)

        skipped = Expected(REFUSED, "^by the soak", "skipped")
        return Operation(name, weight, act, [_ANSWERED, skipped])

    return [
        run("run that succeeds", 3, "quick", SUCCEEDS),
        run("run that fails", 1, "failing", FAILS),
        run("run that exits", 1, "exiting", EXITS),
        run("run that is cancelled", 1.5, "endless", IS_CANCELLED),
        run("run that is killed", 1.5, "endless", IS_KILLED),
    ]
