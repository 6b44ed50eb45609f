"""What the front must know of a request for user code: what it is about, and its time."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from dagster._grpc import types
from dagster._serdes import serialize_value

from bench.origins import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from codeserver.errors import RequestTimeout
from codeserver.front import dagster_json
from codeserver.front.dagster_json import LONGEST_ARGUMENT
from codeserver.front.user_code import describe
from codeserver.supervisor.evaluating.request import LONGEST_TIMEOUT, Deadline, Request
from codeserver.supervisor.loading.snapshot import RepositorySnapshot, Snapshot

DEFAULT = Deadline.after(30.0)

PLACE = GrpcServerCodeLocationOrigin(host="h", port=1)
REPOSITORY = RemoteRepositoryOrigin(PLACE, "repo")
JOB = RemoteJobOrigin(REPOSITORY, "a_job")
ONE_OF_EACH = {
    "job": frozenset({"a_job"}),
    "schedule": frozenset({"a_schedule"}),
    "sensor": frozenset({"a_sensor"}),
}
SNAPSHOT = Snapshot(
    b"",
    {
        "repo": RepositorySnapshot(b"", {}, ONE_OF_EACH, {}),
        "empty": RepositorySnapshot(b"", {}, dict.fromkeys(ONE_OF_EACH, frozenset()), {}),
    },
    "digest",
)


def sensor(name: str = "a_sensor", **fields: Any) -> str:
    """A serialized argument of a sensor's tick."""
    return serialize_value(types.SensorExecutionArgs(REPOSITORY, None, name, **fields))


def plan(job: RemoteJobOrigin) -> types.ExecutionPlanSnapshotArgs:
    return types.ExecutionPlanSnapshotArgs(
        job_origin=job,
        op_selection=["op"],
        run_config={},
        step_keys_to_execute=None,
        job_snapshot_id="id",
    )


def with_timeout(text: str) -> str:
    """The same, with this JSON as its timeout."""
    return sensor(timeout=77).replace('"timeout": 77', f'"timeout": {text}')


def described(
    rpc: str,
    argument: str,
    *,
    deadline: float | None = 30.0,
    default: float = 60.0,
    snapshot: Snapshot | None = SNAPSHOT,
) -> Request:
    return describe(
        rpc, argument.encode(), {}, deadline=deadline, default=default, snapshot=snapshot
    )


SUBJECTS: dict[str, tuple[str, Any, str]] = {
    # the RPC, its argument, and what it is about
    "sensor": (
        "ExternalSensorExecution",
        types.SensorExecutionArgs(REPOSITORY, None, "a_sensor"),
        "sensor a_sensor",
    ),
    "schedule": (
        "ExternalScheduleExecution",
        types.ExternalScheduleExecutionArgs(REPOSITORY, None, "a_schedule"),
        "schedule a_schedule",
    ),
    "plan": (
        "ExecutionPlanSnapshot",
        plan(JOB),
        "plan of job a_job",
    ),
    "subset": (
        "ExternalPipelineSubsetSnapshot",
        types.JobSubsetSnapshotArgs(JOB, ["op"]),
        "subset of job a_job",
    ),
    "partition names": (
        "ExternalPartitionNames",
        types.PartitionNamesArgs(
            repository_origin=REPOSITORY, partition_set_name="a_set", job_name="a_job"
        ),
        "partition set a_set",
    ),
    "partition config": (
        "ExternalPartitionConfig",
        types.PartitionArgs(
            repository_origin=REPOSITORY, partition_set_name="a_set", partition_name="x"
        ),
        "partition set a_set",
    ),
    "partition tags": (
        "ExternalPartitionTags",
        types.PartitionArgs(
            repository_origin=REPOSITORY, partition_set_name="a_set", partition_name="x"
        ),
        "partition set a_set",
    ),
    "partitions of a backfill": (
        "ExternalPartitionSetExecutionParams",
        types.PartitionSetExecutionParamArgs(
            repository_origin=REPOSITORY, partition_set_name="a_set", partition_names=["x"]
        ),
        "partition set a_set",
    ),
}


@pytest.mark.parametrize(("rpc", "argument", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_subjects(rpc: str, argument: Any, subject: str) -> None:
    """As in what Dagster's own client sends."""
    text = serialize_value(argument)
    assert described(rpc, text) == Request(rpc, text.encode(), DEFAULT, subject, {}, True)


@pytest.mark.parametrize(
    ("rpc", "argument"),
    [
        ("ExternalSensorExecution", sensor("unknown")),
        ("ExternalRepository", ""),
        ("ExternalJob", ""),
    ],
)
def test_what_the_user_defines_anew_each_time_runs_user_code(rpc: str, argument: str) -> None:
    repository = RepositorySnapshot(b"", {}, ONE_OF_EACH, {}, is_dynamic=True)
    dynamic = Snapshot(b"", {"repo": repository}, "digest")
    assert described(rpc, argument, snapshot=dynamic).runs_user_code
    assert not described(rpc, argument).runs_user_code


@pytest.mark.parametrize(
    ("rpc", "runs_user_code"),
    [
        ("ExternalNotebookData", True),
        ("RefreshComponentState", True),
        ("ExternalRepository", False),
        ("ExternalJob", False),
        ("explain", False),
    ],
)
@pytest.mark.parametrize("argument", ["", "/a/path.ipynb", '{"timeout": 0}', sensor()])
def test_rpcs_about_nothing_in_particular(rpc: str, runs_user_code: bool, argument: str) -> None:
    """Their arguments are none of the front's business."""
    made = described(rpc, argument)
    assert made == Request(rpc, argument.encode(), DEFAULT, rpc, {}, runs_user_code)


def test_the_other_fields_are_passed_on() -> None:
    made = describe(
        "ExternalJob", b"x", {"job_name": "é"}, deadline=None, default=60.0, snapshot=None
    )
    assert made.extra == {"job_name": "é"}


UNKNOWN: dict[str, tuple[str, Any, bool]] = {
    # the RPC, its argument, and whether it would run user code
    **{name: (rpc, argument, True) for name, (rpc, argument, _) in SUBJECTS.items()},
    "unknown sensor": (
        "ExternalSensorExecution",
        types.SensorExecutionArgs(REPOSITORY, None, "other"),
        False,
    ),
    "a schedule as a sensor": (
        "ExternalSensorExecution",
        types.SensorExecutionArgs(REPOSITORY, None, "a_schedule"),
        False,
    ),
    "unknown schedule": (
        "ExternalScheduleExecution",
        types.ExternalScheduleExecutionArgs(REPOSITORY, None, "other"),
        False,
    ),
    "plan of an unknown job": (
        "ExecutionPlanSnapshot",
        plan(RemoteJobOrigin(REPOSITORY, "other")),
        False,
    ),
    "subset of an unknown job": (
        "ExternalPipelineSubsetSnapshot",
        types.JobSubsetSnapshotArgs(RemoteJobOrigin(REPOSITORY, "other"), ["op"]),
        False,
    ),
    **{
        f"{name} repository": (
            "ExternalSensorExecution",
            types.SensorExecutionArgs(RemoteRepositoryOrigin(PLACE, name), None, "a_sensor"),
            False,
        )
        for name in ("unknown", "empty", "")
    },
}


@pytest.mark.parametrize(("rpc", "argument", "runs"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_the_location_does_not_have_runs_no_user_code(
    rpc: str, argument: Any, runs: bool
) -> None:
    text = serialize_value(argument)
    assert (described(rpc, text)).runs_user_code is runs
    assert (described(rpc, text, snapshot=None)).runs_user_code is True, "nobody knows"


MALFORMED = [
    "",
    "rubbish",
    "{",
    "[]",
    "null",
    '"text"',
    "1",
    "{}",
    '{"sensor_name": null}',
    '{"sensor_name": 1}',
    '{"sensor_name": ["a_sensor"]}',
    '{"other": "a_sensor"}',
    "[" * 100_000,
    '{"a":' * 50_000,
    '{"sensor_name": ' + "1" * 5000 + "}",
    '{"pad": "' + "x" * 300_000,
]


@pytest.mark.parametrize("argument", MALFORMED, ids=lambda text: text[:20])
def test_malformed_arguments_go_to_an_evaluator(argument: str) -> None:
    """Who says what Dagster says about them, and calls nothing of the user's for that."""
    made = described("ExternalSensorExecution", argument)
    assert made == Request(
        "ExternalSensorExecution", argument.encode(), DEFAULT, "ExternalSensorExecution", {}, False
    )


@pytest.mark.parametrize(
    "origin", [None, "x", [], {"external_repository_origin": None}, {"pipeline_name": {}}]
)
@pytest.mark.parametrize("rpc", ["ExecutionPlanSnapshot", "ExternalPipelineSubsetSnapshot"])
def test_malformed_origins(rpc: str, origin: object) -> None:
    made = described(rpc, json.dumps({"pipeline_origin": origin}))
    assert (made.subject, made.runs_user_code) == (rpc, False)


def test_a_job_without_its_repository_is_unknown() -> None:
    text = json.dumps({"pipeline_origin": {"pipeline_name": "a_job"}})
    made = described("ExecutionPlanSnapshot", text)
    assert (made.subject, made.runs_user_code) == ("plan of job a_job", False)


TIMES: dict[str, tuple[str, float | None, float]] = {
    # the field, the caller's deadline, and what is left
    "none": ("null", 30.0, 30.0),
    "the field is less": ("5", 30.0, 5),
    "the caller's is less": ("60", 30.0, 30.0),
    "equal": ("30", 30.0, 30.0),
    "a fraction": ("0.25", 30.0, 0.25),
    "very little": ("1e-300", 30.0, 1e-300),
    "not a number": ("NaN", 30.0, 30.0),
    "infinite": ("Infinity", 30.0, 30.0),
    "both infinite": ("Infinity", math.inf, LONGEST_TIMEOUT),
    "huge": ("1e300", 30.0, 30.0),
    "both huge": ("1e300", 1e300, LONGEST_TIMEOUT),
    "a huge integer": ("1" + "0" * 30, 1e40, LONGEST_TIMEOUT),
    "an integer that is no float": ("1" + "0" * 400, 30.0, 30.0),
    "too large for JSON": ("1e999", 30.0, 30.0),
    "true": ("true", 30.0, 30.0),
    "false": ("false", 30.0, 30.0),
    "a string": ('"5"', 30.0, 30.0),
    "a list": ("[5]", 30.0, 30.0),
    "an object": ("{}", 30.0, 30.0),
    "a deadline that has passed": ("5", -1.0, -1.0),
    "a deadline that never comes": ("null", math.inf, LONGEST_TIMEOUT),
    "no deadline": ("5", None, 5),
    "neither": ("null", None, 60.0),
    "neither, and rubbish": ('"5"', None, 60.0),
    "no deadline, and more than the default": ("600", None, 600),
}


@pytest.mark.parametrize(("field", "deadline", "expected"), TIMES.values(), ids=TIMES)
def test_the_time_is_the_smaller_of_both(
    field: str, deadline: float | None, expected: float
) -> None:
    """Else it is the operator's default."""
    made = described("ExternalSensorExecution", with_timeout(field), deadline=deadline)
    assert made.deadline.seconds == expected
    assert isinstance(made.deadline.seconds, float)


@pytest.mark.parametrize(
    "field", ["0", "0.0", "-0.0", "-1", "-1e300", "-Infinity", "-1" + "0" * 400]
)
def test_a_field_that_leaves_no_time(field: str) -> None:
    with pytest.raises(
        RequestTimeout, match=r"^The request leaves no time: its timeout is not positive\.$"
    ):
        described("ExternalSensorExecution", with_timeout(field))


@pytest.mark.parametrize(
    ("rpc", "make"),
    [
        ("ExternalSensorExecution", lambda t: sensor(timeout=t)),
        (
            "ExternalScheduleExecution",
            lambda t: serialize_value(
                types.ExternalScheduleExecutionArgs(REPOSITORY, None, "a_schedule", timeout=t)
            ),
        ),
    ],
)
def test_both_kinds_of_ticks_have_a_time_of_their_own(rpc: str, make: Any) -> None:
    assert (described(rpc, make(5))).deadline.seconds == 5
    assert (described(rpc, make(None))).deadline.seconds == 30.0


@pytest.mark.parametrize("length", [1000, 500_000, 2 * LONGEST_ARGUMENT])
@pytest.mark.parametrize("made_of", ["x", '"', "\\", "é", '{"sensor_name": "bad", "timeout": 0}, '])
def test_long_arguments(length: int, made_of: str) -> None:
    """A sensor's cursor may have any length, and anything in it."""
    cursor = made_of * (length // len(made_of))
    text = sensor("a_sensor", cursor=cursor, timeout=5)
    made = described("ExternalSensorExecution", text)
    assert (made.subject, made.deadline.seconds, made.runs_user_code) == (
        "sensor a_sensor",
        5,
        True,
    )
    assert made.argument == text.encode()
    unknown = described("ExternalSensorExecution", sensor("other", cursor=cursor))
    assert not unknown.runs_user_code


@pytest.mark.parametrize(("rpc", "argument", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_subjects_of_long_arguments(
    rpc: str, argument: Any, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not read as a whole, and the same is found in them."""
    text = serialize_value(argument)
    monkeypatch.setattr(dagster_json, "LONGEST_ARGUMENT", 0)
    assert described(rpc, text) == Request(rpc, text.encode(), DEFAULT, subject, {}, True)


@pytest.mark.parametrize("argument", MALFORMED, ids=lambda text: text[:20])
def test_malformed_long_arguments(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagster_json, "LONGEST_ARGUMENT", 0)
    made = described("ExternalSensorExecution", argument)
    assert (made.subject, made.runs_user_code) == ("ExternalSensorExecution", False)


def test_what_run_config_has_in_it_is_no_timeout_of_a_plan() -> None:
    config = {"timeout": 1, "long": "x" * LONGEST_ARGUMENT}
    text = serialize_value(plan(JOB)).replace(
        '"run_config": {}', f'"run_config": {json.dumps(config)}'
    )
    made = described("ExecutionPlanSnapshot", text)
    assert (made.subject, made.deadline.seconds) == ("plan of job a_job", 30.0)


def test_a_view_of_a_message() -> None:
    message = b"\n\x80\x80\x01" + sensor("a_sensor", cursor="x" * LONGEST_ARGUMENT).encode()
    view = memoryview(message)[4:]
    made = describe(
        "ExternalSensorExecution", view, {}, deadline=None, default=60.0, snapshot=SNAPSHOT
    )
    assert made.subject == "sensor a_sensor"
    assert made.argument is view


def test_what_is_not_utf_8_goes_to_an_evaluator() -> None:
    made = describe(
        "ExternalSensorExecution", b"\xff", {}, deadline=None, default=60.0, snapshot=SNAPSHOT
    )
    assert (made.subject, made.runs_user_code) == ("ExternalSensorExecution", False)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("é", "é"),
        ("x" * 101, "x" * 100 + "..."),
        ("x" * 100, "x" * 100),
    ],
    ids=["lines", "escapes", "letters", "too long", "just short enough"],
)
def test_names_that_callers_make_up(name: str, shown: str) -> None:
    """They stand in the log."""
    made = described("ExternalSensorExecution", sensor(name), snapshot=None)
    assert made.subject == f"sensor {shown}"
