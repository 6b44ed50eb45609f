"""The table of the clients' operations, with their weights and expected outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dagster._grpc.__generated__ import dagster_api_pb2 as pb

from bench.requests import NEW_YEAR
from bench.soak.calling import PATIENCE, Client
from bench.soak.definitions import COPIES, HANGS, ODDITIES
from bench.soak.runs import EXITS, FAILS, IS_CANCELLED, IS_KILLED, SUCCEEDS, Ending, Runs
from bench.soak.server import Editions
from bench.soak.tally import (
    ANSWERED,
    CANCELLED,
    ERROR,
    REFUSED,
    TOO_LATE,
    WRONG,
    Expected,
    Outcome,
)

_SHORT = 1.0
"""Limit in seconds for a tick that does not end by itself."""

_ANSWERED = Expected(ANSWERED)
_IN_A_ROW = Expected(ERROR, r"has crashed \d+ times in a row", "left alone after crashes")
_RAISED = Expected(ERROR, "this tick fails")
_CRASHED = Expected(ERROR, r"signal 11 \(SIGSEGV\)")
_LATE = Expected(TOO_LATE)
_GONE = Expected(CANCELLED)

_CRASH_ERRORS = {
    "sys_exits": r"User code raised SystemExit\(3\)|SystemExit: 3",
    "exits": "exited with code 7",
    "segfaults": _CRASHED.pattern,
    "aborts": r"signal 6 \(SIGABRT\)",
    "kills_itself": r"signal 9 \(SIGKILL\)",
    "closes_everything": "exited with code|has closed its connection",
}


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
    expected: Sequence[Expected] = (_ANSWERED,)
    needs_process: bool = True


def operations(runs: Runs, editions: Editions) -> list[Operation]:
    """The table of operations."""
    return [
        *_cached(),
        Operation("healthy tick", 30, partial(_healthy, editions=editions)),
        *_evaluated(),
        *_faults(),
        *_abandoned(),
        *_runs(runs),
    ]


def _asked(
    name: str,
    weight: float,
    rpc: str,
    args: Callable[[Client], Any],
    *expected: Expected,
    seconds: float = PATIENCE,
    needs_process: bool = True,
) -> Operation:
    """An operation of one call, with the arguments that a client makes for it."""

    def act(client: Client) -> Outcome:
        return client.outcome(rpc, args(client), seconds)

    return Operation(name, weight, act, expected or (_ANSWERED,), needs_process)


def _cached() -> list[Operation]:
    of_front = partial(_asked, needs_process=False)
    whole, stream = "ExternalRepository", "StreamingExternalRepository"

    def repository(client: Client, deferred: bool) -> Any:
        return client.requests.described(deferred=deferred)

    named, described = partial(repository, deferred=True), partial(repository, deferred=False)
    return [
        of_front(
            "list repositories", 6, "ListRepositories", lambda _: pb.ListRepositoriesRequest()
        ),
        of_front("repository, deferred", 4, whole, named),
        of_front("repository, deferred stream", 2, stream, named),
        of_front("current runs", 2, "GetCurrentRuns", lambda _: pb.Empty()),
        # The first caller after a reload waits until the reply is built.
        _asked("repository, whole", 2, whole, described),
        _asked("repository, whole stream", 2, stream, described),
        _asked(
            "job",
            8,
            "ExternalJob",
            lambda client: client.requests.job(client.random.choice(["quick", "fragile"])),
        ),
    ]


def _healthy(client: Client, editions: Editions) -> Outcome:
    oldest = editions.oldest
    name, stream = f"healthy_{client.random.randrange(4)}", client.random.random() < 0.5
    outcome = client.tick(name, stream=stream)
    if outcome.kind != ANSWERED:
        return outcome
    found = json.loads(outcome.text)
    if not found["clean"]:
        return Outcome(WRONG, f"traces of another tick: {found}")
    if not oldest <= found["edition"] <= editions.newest:
        return Outcome(WRONG, f"edition {found['edition']} after {oldest} was loaded")
    return outcome


def _evaluated() -> list[Operation]:
    def call(name: str, weight: float, rpc: str, method: str, *args: Any, **more: Any) -> Operation:
        return _asked(name, weight, rpc, lambda it: getattr(it.requests, method)(*args, **more))

    plan, schedule = "ExecutionPlanSnapshot", "SyncExternalScheduleExecution"
    config, params = "ExternalPartitionConfig", "ExternalPartitionSetExecutionParams"
    days = [f"2024-01-{day:02}" for day in range(1, 31)]
    subset = "ExternalPipelineSubsetSnapshot"
    return [
        Operation("tick with runs", 4, lambda client: client.tick("requests_runs")),
        call("schedule tick", 8, schedule, "schedule", "daily"),
        call("plan", 5, plan, "plan", "quick"),
        call("plan of assets", 3, plan, "plan", "assets_job"),
        call("subset", 5, subset, "subset", "quick", ops=["nothing"]),
        call("partition names", 4, "ExternalPartitionNames", "partition_names", "partitioned"),
        call("partition config", 4, config, "partition", "partitioned", days[0]),
        call("partition params", 3, params, "partition_params", "partitioned", days),
    ]


def _copy(client: Client, fault: str) -> str:
    return f"{fault}_{client.random.randrange(COPIES)}"


def _faults() -> list[Operation]:
    def tick(client: Client, fault: str, seconds: float) -> Outcome:
        cursor = "well" if client.random.random() < 0.3 else ""
        outcome = client.tick(_copy(client, fault), cursor, seconds)
        if outcome.kind == ANSWERED and cursor and outcome.text != "well":
            return Outcome(WRONG, outcome.text)
        return outcome

    def fault(
        name: str, weight: float, *expected: Expected, seconds: float = PATIENCE
    ) -> Operation:
        well = Expected(ANSWERED, "^well$", "answered when well")
        act = partial(tick, fault=name, seconds=seconds)
        return Operation(f"tick that {name}", weight, act, [well, *expected])

    def schedule(client: Client) -> Any:
        at = NEW_YEAR + 60 * client.random.randrange(4)
        return client.requests.schedule("fragile_schedule", at)

    def partition(client: Client) -> Any:
        key = client.random.choice(["fine", "raise", "crash", "hang"])
        return client.requests.partition("fragile", key)

    fragile = partial(_asked, seconds=_SHORT)
    any_of = (_ANSWERED, _RAISED, _CRASHED, _IN_A_ROW, _LATE)
    crashes = {name: Expected(ERROR, pattern) for name, pattern in _CRASH_ERRORS.items()}
    return [
        fault("raises", 2, _RAISED),
        *(fault(name, 1, crash, _IN_A_ROW) for name, crash in crashes.items()),
        *(fault(name, 0.4, _LATE, seconds=_SHORT) for name in HANGS),
        *(fault(name, 0.6, Expected(ANSWERED, "^survived$")) for name in ODDITIES),
        fragile("fragile schedule", 2, "SyncExternalScheduleExecution", schedule, *any_of),
        fragile("fragile partition", 2, "ExternalPartitionConfig", partition, *any_of),
    ]


def _abandoned() -> list[Operation]:
    def abandon(client: Client, faults: Sequence[str]) -> Outcome:
        name = _copy(client, client.random.choice(faults))
        return client.abandoned_tick(name, client.random.uniform(0.0, 0.6))

    def healthy(client: Client) -> Outcome:
        return client.abandoned_tick("healthy_0", client.random.uniform(0.0, 0.02))

    crashes = partial(abandon, faults=("segfaults", "exits"))
    crashed = Expected(ERROR, rf"{_CRASHED.pattern}|exited with code 7")
    return [
        Operation("caller gives up a hang", 2, partial(abandon, faults=[*HANGS]), [_GONE]),
        Operation("caller gives up a crash", 1, crashes, [_GONE, _IN_A_ROW, crashed]),
        Operation("caller gives up a healthy tick", 2, healthy, [_GONE, _ANSWERED]),
    ]


def _runs(runs: Runs) -> list[Operation]:
    def act(client: Client, job: str, ending: Ending) -> Outcome:
        with runs.place() as taken:
            if not taken:
                return Outcome(REFUSED, "by the soak: enough runs at a time")
            return runs.execute(client, job, ending)

    table = (
        ("run that succeeds", 3, "quick", SUCCEEDS),
        ("run that fails", 1, "failing", FAILS),
        ("run that exits", 1, "exiting", EXITS),
        ("run that is cancelled", 1.5, "endless", IS_CANCELLED),
        ("run that is killed", 1.5, "endless", IS_KILLED),
    )
    runs.prepare(*{job for _, _, job, _ in table})
    expected = [_ANSWERED, Expected(REFUSED, "^by the soak", "skipped")]
    return [
        Operation(name, weight, partial(act, job=job, ending=ending), expected)
        for name, weight, job, ending in table
    ]
