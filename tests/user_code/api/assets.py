"""Assets, checks, schedules and sensors of every kind."""

import datetime

import dagster as dg

hours = datetime.timedelta(hours=1)
daily = dg.DailyPartitionsDefinition("2026-01-01")
hourly = dg.HourlyPartitionsDefinition("2026-01-01-00:00")
colours = dg.StaticPartitionsDefinition(["red", "green", "blue"])
by_day_and_colour = dg.MultiPartitionsDefinition({"day": daily, "colour": colours})

METADATA = {
    "text": "plain",
    "long": "é" * 5_000,
    "wide": {"cells": list(range(3_000))},
    "number": 3,
    "big": 2**60,
    "fraction": 0.25,
    "yes": True,
    "nothing": None,
    "object": {"a": [1, {"b": None}]},
    "list": [1, 2],
    "link": dg.MetadataValue.url("https://example.org/table?x=1&y=ü"),
    "file": dg.MetadataValue.path("/data/table.parquet"),
    "words": dg.MetadataValue.md("# Title\n\n*text*"),
    "moment": dg.MetadataValue.timestamp(1_700_000_000.5),
    "another": dg.MetadataValue.asset(dg.AssetKey(["raw", "orders"])),
    "schema": dg.TableSchema(
        columns=[
            dg.TableColumn("id", "int", "Number.", dg.TableColumnConstraints(nullable=False)),
            dg.TableColumn("größe", "float"),
        ]
    ),
    "table": dg.MetadataValue.table([dg.TableRecord({"x": 1}), dg.TableRecord({"x": 2})]),
    "lineage": dg.TableColumnLineage({"id": [dg.TableColumnDep(dg.AssetKey("events"), "number")]}),
    "label with spaces": "kept",
}

# What comes from elsewhere

raw_orders = dg.AssetSpec(["raw", "orders"], group_name="raw", metadata={"system": "shop"})
with_spaces = dg.AssetSpec(["from outside", "ein Größenmaß"], description="Ünïcode ✓")


@dg.observable_source_asset(group_name="raw", description="Looked at, now and then.")
def events(_context) -> dg.DataVersion:
    return dg.DataVersion("1")


# What is made here


@dg.asset(
    key=["sales", "orders"],
    deps=[raw_orders, events],
    group_name="sales",
    description="Every *order*.",
    owners=["team:sales", "ada@example.com"],
    kinds={"python", "snowflake"},
    tags={"tier": "gold", "empty": ""},
    metadata=METADATA,
    code_version="v7",
    automation_condition=dg.AutomationCondition.eager(),
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=48 * hours, warn_window=24 * hours),
    pool="warehouse",
)
def orders() -> None: ...


@dg.asset(
    deps=[orders],
    ins={"sizes": dg.AssetIn(with_spaces.key)},
    group_name="sales",
    kinds={"dbt"},
    tags={"tier": "silver"},
    owners=["team:sales"],
    automation_condition=dg.AutomationCondition.on_cron("0 * * * *"),
    freshness_policy=dg.FreshnessPolicy.cron(
        deadline_cron="0 9 * * 1-5", lower_bound_delta=2 * hours, timezone="Europe/Berlin"
    ),
    check_specs=[dg.AssetCheckSpec("is_complete", asset="report", description="No gap.")],
)
def report(sizes):
    yield dg.Output(None)
    yield dg.AssetCheckResult(passed=True)


@dg.multi_asset(
    specs=[
        dg.AssetSpec("left", deps=[orders], group_name="halves", code_version="1"),
        dg.AssetSpec("right", deps=["left"], group_name="halves", kinds={"python"}),
        dg.AssetSpec("lonely", group_name="halves", skippable=True),
    ],
    can_subset=True,
)
def halves(context: dg.AssetExecutionContext):
    for key in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=key)


@dg.op
def fetch() -> int:
    return 1


@dg.op
def refine(number: int, left: int) -> int:
    return number + left


@dg.graph_asset(group_name="halves", owners=["team:data"])
def refined(left: int) -> int:
    """Made by two ops."""
    return refine(fetch(), left)


# Partitions


@dg.asset(partitions_def=hourly, backfill_policy=dg.BackfillPolicy.single_run())
def per_hour() -> None: ...


@dg.asset(
    partitions_def=daily,
    deps=[dg.AssetDep(per_hour, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1))],
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=5),
)
def per_day() -> None: ...


@dg.asset(
    partitions_def=by_day_and_colour,
    deps=[
        dg.AssetDep(
            per_day,
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping("day"),
        )
    ],
)
def per_day_and_colour() -> None: ...


@dg.asset(deps=[dg.AssetDep(per_day, partition_mapping=dg.LastPartitionMapping())])
def latest() -> None: ...


@dg.asset(
    partitions_def=daily,
    deps=[
        dg.AssetDep("yesterday", partition_mapping=dg.TimeWindowPartitionMapping(-1, -1)),
    ],
)
def yesterday() -> None:
    """Depends on itself."""


# Checks


@dg.asset_check(asset=orders, blocking=True, description="There are some.")
def some_orders() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=orders, additional_deps=[report])
def orders_agree() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=events)
def events_are_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


# Jobs, schedules and sensors


@dg.op
def one_op(): ...


@dg.job(tags={"team": "ops"}, owners=["team:ops"])
def tidy_up():
    one_op()


sales_job = dg.define_asset_job(
    "sales_job",
    selection=dg.AssetSelection.groups("sales"),
    tags={"team": "sales", "tier": "gold"},
    description="Everything about sales.",
)
days_job = dg.define_asset_job("days_job", selection=[per_day], partitions_def=daily)
# More than a page of names that sort in another order than they count.
small_jobs = [dg.define_asset_job(f"small_{number}", selection=["lonely"]) for number in range(12)]

every_day = dg.build_schedule_from_partitioned_job(days_job, name="every_day")


@dg.schedule(
    job=tidy_up,
    cron_schedule=["0 6 * * 1-5", "0 9 * * 6"],
    execution_timezone="Europe/Berlin",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags={"team": "ops"},
    owners=["team:ops"],
    metadata={"why": "dust"},
    description="Early on workdays, later on Saturdays.",
)
def mornings():
    return dg.RunRequest()


weekly_sales = dg.ScheduleDefinition(
    name="weekly_sales", target=dg.AssetSelection.groups("sales"), cron_schedule="@weekly"
)


@dg.sensor(
    jobs=[tidy_up, sales_job],
    minimum_interval_seconds=90,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags={"team": "ops"},
    owners=["team:ops"],
    metadata={"why": "dust"},
    description="Sees dust.",
)
def dust():
    return dg.SkipReason("clean")


@dg.asset_sensor(asset_key=dg.AssetKey(["sales", "orders"]), job=sales_job)
def on_orders(_context):
    return dg.SkipReason("no")


@dg.multi_asset_sensor(monitored_assets=[dg.AssetKey("left"), dg.AssetKey("right")], job=tidy_up)
def on_halves(_context):
    return dg.SkipReason("no")


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.SUCCESS, request_job=tidy_up)
def on_success(_context):
    return dg.SkipReason("no")


@dg.run_failure_sensor
def on_failure(_context): ...


@dg.sensor(target=dg.AssetSelection.groups("halves"))
def for_halves():
    return dg.SkipReason("no")


automation = dg.AutomationConditionSensorDefinition(
    "automation", target=dg.AssetSelection.groups("sales")
)

defs = dg.Definitions(
    assets=[
        *(raw_orders, with_spaces, events, orders, report, halves, refined),
        *(per_hour, per_day, per_day_and_colour, latest, yesterday),
    ],
    asset_checks=[some_orders, orders_agree, events_are_there],
    jobs=[tidy_up, sales_job, days_job, *small_jobs],
    schedules=[every_day, mornings, weekly_sales],
    sensors=[dust, on_orders, on_halves, on_success, on_failure, for_halves, automation],
)
