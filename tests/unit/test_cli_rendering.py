"""What commands print about messages: on a terminal, and in a pipe.

`UPDATE_GOLDEN=1` writes the files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from codeserver.api import v1
from codeserver.cli.commands.check import Checked, import_table, show
from codeserver.cli.printing import definitions as list_tables
from codeserver.cli.printing.changes import Watched
from codeserver.cli.printing.failures import failure_of, mistake, traceback_lines
from codeserver.cli.printing.location import show_location
from codeserver.cli.printing.locations import show_locations
from codeserver.cli.printing.plan_table import plan_table
from codeserver.cli.printing.screen import Screen
from codeserver.cli.printing.tables import Column, Table
from codeserver.client.errors import InvalidArgumentError, LoadFailedError, UnsupportedError

GOLDEN = Path(__file__).parent.parent / "process" / "golden"
NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=timezone.utc)
WIDTH = 100
RICH = tuple(int(each) for each in version("rich").split(".")[:2])

LONG_KEY = (
    "warehouse/a_schema_with_a_long_name/a_table_with_a_name_that_is_much_longer_than_usual_here"
)


def at(hour: int, minute: int = 0, day: int = 4) -> Timestamp:
    return Timestamp(
        seconds=int(datetime(2026, 3, day, hour, minute, tzinfo=timezone.utc).timestamp())
    )


def seconds(value: float) -> Duration:
    return Duration(seconds=int(value), nanos=round(value % 1 * 1e9))


DAILY = v1.PartitionsDefinition(
    kind=v1.PartitionsDefinition.KIND_TIME_WINDOW,
    description="Daily, starting 2026-01-01 UTC.",
    time_windows=v1.TimeWindows(cron_schedule="0 0 * * *", timezone="UTC"),
)

JOBS = [
    v1.Job(
        name="ingest",
        repository="main",
        description="Load the files of a day.\nMore about it.",
        tags={"team": "data", "nightly": ""},
        owners=["team:data"],
        partitions=DAILY,
        schedules=["nightly"],
        sensors=["new_files", "retry_failed"],
    ),
    v1.Job(name="publish", repository="main", asset_keys=["a", "b"]),
]

ASSETS = [
    v1.Asset(
        key="raw/orders",
        repository="main",
        group="raw",
        kinds=["python", "s3"],
        execution=v1.Asset.EXECUTION_EXTERNAL,
        description="Orders as they come.",
    ),
    v1.Asset(
        key=LONG_KEY,
        repository="main",
        group="marts",
        dependencies=[v1.AssetDependency(key="raw/orders")],
        checks=[v1.AssetCheck(name="not_empty", is_blocking=True)],
        partitions=DAILY,
        owners=["ada@example.com"],
        execution=v1.Asset.EXECUTION_MATERIALIZATION,
    ),
]

SCHEDULES = [
    v1.Schedule(
        name="nightly",
        repository="main",
        cron_schedules=["0 2 * * *", "0 4 * * 0"],
        timezone="Europe/Berlin",
        job="ingest",
        default_status=v1.DEFAULT_STATUS_RUNNING,
    ),
    v1.Schedule(name="hourly", repository="other", cron_schedules=["0 * * * *"], job="publish"),
]

SENSORS = [
    v1.Sensor(
        name="new_files",
        repository="main",
        type=v1.SENSOR_TYPE_STANDARD,
        jobs=["ingest"],
        minimum_interval=seconds(90),
        default_status=v1.DEFAULT_STATUS_STOPPED,
        description="Looks for files.\x1b[31m",
    ),
    v1.Sensor(
        name="after_orders",
        repository="main",
        type=v1.SENSOR_TYPE_MULTI_ASSET,
        monitored_assets=["raw/orders"],
        asset_selection='group:"marts"',
    ),
    v1.Sensor(name="of_tomorrow", repository="main", type=99),  # type: ignore[arg-type]
]

CHECKS = [
    {
        "asset": "raw/orders",
        "repository": "main",
        "name": "not_empty",
        "description": "There are rows. And so on.",
        "is_blocking": True,
        "additional_keys": ["raw/users"],
        "jobs": ["ingest", "__ASSET_JOB"],
    }
]

RESOURCES = [
    v1.Resource(
        name="bucket",
        repository="main",
        type="dagster_aws.s3.S3Resource",
        values=[
            v1.ResourceValue(name="region", value=Value(string_value="eu")),
            v1.ResourceValue(name="key", environment_variable="S3_KEY"),
        ],
        jobs=["ingest"],
        asset_keys=["a", "b"],
    )
]

PLAN = v1.ExecutionPlan(
    job="ingest",
    levels=3,
    width=2,
    steps=[
        v1.Step(key="load", level=0, outputs=[v1.StepOutput(name="result")]),
        v1.Step(
            key="parts.clean[?]",
            level=1,
            kind=v1.Step.KIND_MAPPED,
            upstream=["load"],
            inputs=[
                v1.StepInput(
                    name="word",
                    source=v1.StepInput.SOURCE_STEP_OUTPUT,
                    upstream=[v1.StepOutputHandle(step="load", output="result")],
                ),
                v1.StepInput(name="factor", source=v1.StepInput.SOURCE_DEFAULT_VALUE),
            ],
            pool="database",
            retry_policy=v1.RetryPolicy(
                max_retries=3, delay=seconds(10), backoff=v1.RetryPolicy.BACKOFF_EXPONENTIAL
            ),
        ),
        v1.Step(
            key="store",
            level=2,
            upstream=["load", "parts.clean[?]"],
            inputs=[
                v1.StepInput(
                    name="words",
                    upstream=[
                        v1.StepOutputHandle(step="load", output="result"),
                        v1.StepOutputHandle(step="parts.clean[?]", output="result"),
                    ],
                )
            ],
            resources=["bucket", "io_manager"],
            retry_policy=v1.RetryPolicy(max_retries=1, delay=seconds(0.5)),
        ),
    ],
)

ERROR = v1.LoadError(
    type="ModuleNotFoundError",
    message="No module named 'pandsa'",
    text='  File "/app/repo.py", line 3, in <module>\n    import pandsa\n'
    "ModuleNotFoundError: No module named 'pandsa'\n",
)


def location(state: str = "READY", **fields: object) -> v1.Location:
    """Healthy, unless the test says otherwise; nothing is served with generation 0."""
    found = v1.Location(
        name="repo.py",
        target=v1.Target(python_file="repo.py", working_directory="/app"),
        state=f"STATE_{state}",  # type: ignore[arg-type]
        loads=3,
        started_at=at(9, day=1),
        work=v1.Work(max_running=8, running=1, queued=0, runs=2),
        versions=v1.Versions(codeserver="1.0", python="3.12.1"),
    )
    if fields.get("generation", 3):
        found.MergeFrom(
            v1.Location(
                generation=3,
                loaded_at=at(11, 57),
                load_times=v1.LoadTimes(
                    total=seconds(0.42),
                    importing=seconds(0.31),
                    resolving=seconds(0.05),
                    describing=seconds(0.06),
                ),
                counts=v1.Counts(jobs=2, assets=1, sensors=3),
                isolation=v1.Isolation(mode=v1.Isolation.MODE_FORK),
                runs=v1.Runs(mode=v1.Runs.MODE_WARM),
                repositories=["main"],
                server_id="abc123",
                versions=v1.Versions(dagster="1.13.27", libraries={"dagster-aws": "0.29.27"}),
            )
        )
    found.MergeFrom(v1.Location(**fields))  # type: ignore[arg-type]
    return found


BUSY = location(
    "RELOADING",
    failed_loads=1,
    load_error=ERROR,
    watches_files=True,
    container_image="repo:12",
    repositories=["other"],
    isolation=v1.Isolation(mode=v1.Isolation.MODE_SPAWN, reasons=["thread pool of polars"]),
    runs=v1.Runs(mode=v1.Runs.MODE_FRESH, reasons=["repo.py line 3: NOW reads the clock"]),
    work=v1.Work(
        subjects=[v1.Subject(name="sensor nightly", running=1, queued=2)], refused=4, crashed=1
    ),
)

SEVERAL = [
    location(name="sales", executable_path="/app/sales/.venv/bin/python"),
    location(
        "FAILED",
        name="finance\x1b[31m",
        generation=0,
        failed_loads=3,
        load_error=ERROR,
        executable_path="/app/.venv/bin/python",
    ),
    location(
        "RELOADING",
        name="größe",
        unloaded_at=at(11, 59),
        counts=v1.Counts(jobs=1200),
        work=v1.Work(queued=4),
        executable_path="/app/.venv/bin/python",
    ),
    location("LOADING", name="new", generation=0, loads=0),
]
CALM = [
    v1.Location(name=name, state=v1.Location.STATE_READY, generation=1, counts=v1.Counts())
    for name in ("a", "b")
]

IMPORTS = [
    v1.ModuleImport(
        module="pandas", own=seconds(0.5), cumulative=seconds(1.25), imported_by="repo"
    ),
    v1.ModuleImport(module="repo", own=seconds(0.0312), cumulative=seconds(1.4), is_users=True),
]


def change(sign: str, kind: str, name: str) -> v1.DefinitionChange:
    actions = {"+": "ADDED", "~": "CHANGED", "-": "REMOVED"}
    return v1.DefinitionChange(action=f"ACTION_{actions[sign]}", kind=kind, name=name)  # type: ignore[arg-type]


FAILED_ONCE = location(failed_loads=1, loads=4, load_error=ERROR)
NEWER = location(generation=5, failed_loads=1, loads=5)
CHANGES = [change("+", "asset", "raw/users"), change("~", "job", "a"), change("~", "job", "b")]

WATCHED = [
    (location(), []),
    (location("RELOADING"), []),
    (FAILED_ONCE, []),
    (location("RELOADING", failed_loads=1, loads=4, load_error=ERROR), []),
    (NEWER, [*CHANGES, change("-", "schedule", "nightly")]),
    (location(generation=6, failed_loads=1, loads=6), []),
    (location("LOST", generation=6, failed_loads=2, loads=7, load_error=ERROR), []),
    (location(generation=6, failed_loads=2, loads=8), []),
    (location("DRAINING", generation=6, failed_loads=2, loads=8), []),
    (location("STOPPED", generation=6, failed_loads=2, loads=8), []),
]


IDLE = location(unloaded_at=at(11, 59))

WATCHED_IDLE = [
    (location(), []),
    (IDLE, []),
    (location("RELOADING", unloaded_at=at(11, 59)), []),
    (location(generation=4, loads=4), []),
    (location(generation=4, loads=4, unloaded_at=at(11, 59)), []),
    (location("RELOADING", generation=4, loads=4, unloaded_at=at(11, 59)), []),
    (
        location(
            "LOST",
            generation=4,
            loads=5,
            failed_loads=1,
            load_error=ERROR,
            unloaded_at=at(11, 59),
        ),
        [],
    ),
]


def show_watched(
    screen: Screen, messages: list[tuple[v1.Location, list[v1.DefinitionChange]]]
) -> None:
    watched = Watched()
    for found, changes in messages:
        response = v1.WatchLocationResponse(location=found, changes=changes)
        for parts in watched.lines(response, NOW):
            screen.line(*parts)


def listing(screen: Screen, table: Table) -> None:
    if screen.is_terminal:
        screen.table(table)
    else:
        screen.records(table)


CASES: dict[str, Callable[[Screen], None]] = {
    "jobs": lambda screen: listing(screen, list_tables.table("jobs", JOBS)),
    "assets": lambda screen: listing(screen, list_tables.table("assets", ASSETS)),
    "checks": lambda screen: listing(screen, list_tables.table("checks", CHECKS)),
    "schedules": lambda screen: listing(screen, list_tables.table("schedules", SCHEDULES)),
    "sensors": lambda screen: listing(screen, list_tables.table("sensors", SENSORS)),
    "resources": lambda screen: listing(screen, list_tables.table("resources", RESOURCES)),
    "plan": lambda screen: screen.table(plan_table(PLAN)),
    "imports": lambda screen: screen.table(import_table(IMPORTS)),
    "status": lambda screen: show_location(screen, location(), NOW),
    "status_busy": lambda screen: show_location(screen, BUSY, NOW),
    "status_failed": lambda screen: show_location(
        screen, location("FAILED", generation=0, failed_loads=3, load_error=ERROR), NOW
    ),
    "status_several": lambda screen: show_locations(screen, SEVERAL),
    "status_several_calm": lambda screen: show_locations(screen, CALM),
    "status_idle": lambda screen: show_location(screen, IDLE, NOW),
    "watch_idle": lambda screen: show_watched(screen, WATCHED_IDLE),
    "watch_idle_from_the_start": lambda screen: show_watched(screen, WATCHED_IDLE[1:2]),
    "watch": lambda screen: show_watched(screen, WATCHED),
    "watch_first_load": lambda screen: show_watched(
        screen,
        [
            (location("LOADING", generation=0, loads=0), []),
            (location("FAILED", generation=0, loads=1, failed_loads=1, load_error=ERROR), []),
            (location("RELOADING", generation=0, loads=1, failed_loads=1, load_error=ERROR), []),
            (location(generation=2, loads=2, failed_loads=1), []),
        ],
    ),
    "check": lambda screen: show(
        screen,
        screen,
        Checked(location(), {"jobs": ["a", "b"], "assets": [LONG_KEY]}, 0.42),
        profile=False,
    ),
    "check_failed": lambda screen: show(
        screen,
        screen,
        Checked(location("FAILED", generation=0, load_error=ERROR, imports=IMPORTS), {}, 1.5),
        profile=True,
    ),
}


def printed(show_it: Callable[[Screen], None], *, terminal: bool, **options: object) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=terminal,
        width=WIDTH,
        highlight=False,
        **options,  # type: ignore[arg-type]
    )
    show_it(Screen(console))
    return file.getvalue()


@pytest.mark.parametrize("way", ["terminal", "pipe"])
@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, way: str) -> None:
    terminal = way == "terminal"
    if terminal and RICH < (14, 3):
        pytest.skip("older releases give the first columns of tables other widths")
    text = printed(CASES[name], terminal=terminal, color_system=None)
    text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())  # as editors keep files
    path = GOLDEN / f"{name}.{way}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", CASES)
def test_a_pipe_gets_neither_boxes_nor_cut_off_names(name: str) -> None:
    text = printed(CASES[name], terminal=False)
    assert not [c for c in text if "\u2500" <= c <= "\u257f"]
    assert "\x1b" not in text
    assert "…" not in text


@pytest.mark.parametrize("way", ["terminal", "pipe"])
def test_a_long_name_is_there_as_a_whole(way: str) -> None:
    text = printed(CASES["assets"], terminal=way == "terminal", color_system=None)
    first_column = "".join(line.partition("  ")[0] for line in text.splitlines())
    assert LONG_KEY in first_column


def test_a_row_in_a_pipe_is_a_line_with_as_many_columns_as_all_others() -> None:
    table = Table(
        [Column("Name"), Column("Never"), Column("Sometimes"), Column("Many", is_number=True)],
        [["a", "", "", "7"], ["漢字", "", "x\ny", "1,000"]],
    )
    assert list(table.lines()) == [
        "NAME  SOMETIMES   MANY",
        "a     -              7",
        "漢字  x y        1,000",
    ]


def test_colours_are_for_terminals_and_not_for_those_who_want_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(CASES["status"], terminal=True, color_system="standard")
    assert "\x1b[1;32mready\x1b[0m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in printed(CASES["status"], terminal=True, color_system="standard")


PATH = ["ops", "load", "config", "factor"]


@pytest.mark.parametrize(
    ("reason", "allowed", "expect"),
    [
        ("TYPE_MISMATCH", ["Int"], "it must be Int"),
        ("MISSING_FIELD", ["Int"], "it is required, and it is missing (type Int)"),
        ("MISSING_FIELD", [], "it is required, and it is missing"),
        ("UNDEFINED_FIELD", ["a", "b"], "there is no such field; there is a, b"),
        ("UNDEFINED_FIELD", [], "there is no such field; nothing is allowed there"),
        ("SELECTOR", ["a", "b"], "give exactly one of a, b"),
        ("OTHER", [], "Dagster says so"),
        ("UNSPECIFIED", [], "Dagster says so"),
    ],
)
def test_a_mistake_in_run_config_is_a_line(reason: str, allowed: list[str], expect: str) -> None:
    error = v1.RunConfigError(
        path=PATH,
        reason=f"REASON_{reason}",
        message="Dagster\nsays so",
        allowed=allowed,  # type: ignore[arg-type]
    )
    assert mistake(error) == f"  ops.load.config.factor: {expect}"


def test_a_mistake_in_the_whole() -> None:
    error = v1.RunConfigError(reason=v1.RunConfigError.REASON_TYPE_MISMATCH, allowed=["a mapping"])
    assert mistake(error) == "  the whole run config: it must be a mapping"


def test_errors_of_calls() -> None:
    several = [
        v1.RunConfigError(path=["ops"], message="a"),
        v1.RunConfigError(path=["x"], message="b"),
    ]
    failure = failure_of(InvalidArgumentError("INVALID_ARGUMENT", "There are 2 mistakes.", several))
    assert (failure.exit_code, list(failure.details)) == (1, ["  ops: a", "  x: b"])
    failure = failure_of(LoadFailedError("FAILED_PRECONDITION", "It does not load.", [ERROR]))
    assert failure.exit_code == 1
    assert failure.details[-1] == "ModuleNotFoundError: No module named 'pandsa'"
    failure = failure_of(UnsupportedError("UNIMPLEMENTED", "It is older."))
    assert (failure.exit_code, failure.message) == (2, "It is older.")


def test_a_traceback_made_of_frames() -> None:
    frames = [v1.StackFrame(file="/app/a.py", line=3, function="f", code="g()")]
    error = v1.LoadError(type="ValueError", message="no", frames=frames)
    assert traceback_lines(error) == [
        '  File "/app/a.py", line 3, in f',
        "    g()",
        "ValueError: no",
    ]


def test_json_stays_json_whatever_letters_the_stream_has() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    Screen(Console(file=stream)).json({"name": "größe"})
    assert json.loads(stream.buffer.getvalue()) == {"name": "größe"}
