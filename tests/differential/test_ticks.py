"""Schedule and sensor ticks."""

from __future__ import annotations

from dagster._core.definitions.instigation_logger import get_instigation_log_records

from tests.differential import calls
from tests.differential.calls import Call
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair, Side, only_if_allowed

LOG_KEY = ["here", "logs", "1"]
THIRD = calls.NEW_YEAR + 2 * 24 * 60 * 60
LARGE_CURSOR = "c" * 50_000_000


def _log_of(call: Call) -> Call:
    """The answer to a tick, and what the tick logged for the UI to show."""

    def make(side: Side) -> object:
        answer = call.make(side)
        records = get_instigation_log_records(side.instance, LOG_KEY)
        return {"answer": answer, "log": [(line["levelname"], line["msg"]) for line in records]}

    return Call(call.rpc, make)


def _schedules(streamed: bool) -> list[Case]:
    def tick(name: str, **options: object) -> Call:
        return calls.schedule(name, streamed=streamed, **options)

    return [
        Case("requests a run", tick("mornings"), expect='"amount": 1'),
        Case("other time zone", tick("mornings", zone="Asia/Tokyo"), expect="+09:00"),
        Case("several requests", tick("several_requests"), expect='"run_key": "2"'),
        Case("partitioned", tick("dated_schedule", at=THIRD), expect='"2024-01-02"'),
        Case("skips", tick("never"), expect="not today"),
        Case("no time", tick("never", at=None), expect="not today"),
        Case("resource", tick("schedule_with_resource"), expect="hello"),
        Case("raises", tick("schedule_raises"), expect="in schedule_raises"),
        Case("unknown", tick("nope"), expect="nope"),
    ]


def _sensors(streamed: bool) -> list[Case]:
    def tick(name: str, **options: object) -> Call:
        return calls.sensor(name, streamed=streamed, **options)

    return [
        Case("requests a run", tick("counts"), expect='"run_key": "run-0"'),
        Case("cursor", tick("counts", cursor="41"), expect='"cursor": "42"'),
        Case("skips", tick("skips"), expect="nothing to do"),
        Case("raises", tick("sensor_raises"), expect="in sensor_raises"),
        Case("bad cursor raises", tick("counts", cursor="x"), expect="invalid literal"),
        Case("returns rubbish", tick("returns_rubbish"), expect="42"),
        Case("resource", tick("sensor_with_resource"), expect="hello"),
        Case("broken resource", tick("sensor_with_broken_resource"), expect="database is away"),
        Case("instance", tick("asks_instance"), expect="True"),
        Case("no instance", tick("asks_instance", instance=False), expect="no instance reference"),
        Case("dynamic partitions", tick("adds_customers"), expect='"ann"'),
        Case("writes a log", _log_of(tick("logs", log_key=LOG_KEY)), expect="nothing there"),
        Case("run status sensor", tick("on_failure"), expect="SensorExecutionData"),
        Case("several chunks", tick("many_requests", cursor="8000"), expect="SensorExecutionData"),
        Case("unknown", tick("nope"), expect="nope"),
    ]


@table([*_schedules(False), *_schedules(True)])
def test_schedule(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        *_sensors(False),
        *_sensors(True),
        Case("50 MB", calls.sensor("echoes_cursor", cursor=LARGE_CURSOR), expect="50000000"),
    ]
)
def test_sensor(case: Case, pair: Pair) -> None:
    if "50_MB" in str(case):
        only_if_allowed()
    check(case, pair)


def test_large_answers_come_in_chunks(pair: Pair) -> None:
    for side in pair:
        answer = calls.sensor("many_requests", cursor="8000", streamed=True).make(side)
        assert answer["sequence_numbers"][:3] == [0, 1, 2]
        assert answer["lengths"] == [4_000_000, 4_000_000]
