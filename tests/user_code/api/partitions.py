"""Jobs and assets that are partitioned in every way."""

from datetime import datetime

import dagster as dg

COLOURS = ["red", "green", "blue", "with space", "größe", "a/b"]
ODD = ["a,b", "[c]", "*"]

colours = dg.StaticPartitionsDefinition(COLOURS)
daily = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-03-01")
endless = dg.DailyPartitionsDefinition("2026-01-01", end_offset=1)
hourly = dg.HourlyPartitionsDefinition(
    datetime(2016, 1, 1), end_date=datetime(2026, 1, 1), timezone="Europe/Berlin"
)
weekly = dg.WeeklyPartitionsDefinition(
    "2025-01-01",
    end_date="2026-01-01",
    minute_offset=30,
    hour_offset=6,
    day_offset=3,
    timezone="America/New_York",
)
monthly = dg.MonthlyPartitionsDefinition("2020-01-01", end_date="2026-01-01")
quarterly = dg.TimeWindowPartitionsDefinition(
    start="2020-01",
    end="2026-01",
    fmt="%Y-%m",
    cron_schedule="0 0 1 */3 *",
)
both = dg.MultiPartitionsDefinition({"day": daily, "colour": colours})
odd = dg.StaticPartitionsDefinition(ODD)
customers = dg.DynamicPartitionsDefinition(name="customers")
nobody = dg.DynamicPartitionsDefinition(name="nobody")


class Number(dg.Config):
    number: int = 0


@dg.op
def take(config: Number): ...


@dg.op(pool="partition_pool")
def show(context: dg.OpExecutionContext): ...


@dg.graph
def taking():
    take()
    show()


def _config(number):
    return {"ops": {"take": {"config": {"number": number}}}}


@dg.static_partitioned_config(
    partition_keys=COLOURS, tags_for_partition_key_fn=lambda key: {"colour": str(len(key))}
)
def by_colour(key):
    return _config(len(key))


@dg.daily_partitioned_config(start_date="2026-01-01", end_offset=0)
def by_day(start, _end):
    return _config(start.day)


by_week = dg.PartitionedConfig(
    partitions_def=weekly, run_config_for_partition_key_fn=lambda key: _config(int(key[-2:]))
)


def _numbers(_now=None):
    return [f"number_{number}" for number in range(30)]


@dg.dynamic_partitioned_config(partition_fn=_numbers)
def by_function(_key):
    return _config(1)


inside = {"executor_def": dg.in_process_executor}
partitioned_jobs = [
    taking.to_job("colour_job", config=by_colour, **inside),
    taking.to_job("day_job", config=by_day, **inside),
    taking.to_job("week_job", config=by_week, **inside),
    taking.to_job("function_job", config=by_function, **inside),
    taking.to_job("plain_daily_job", partitions_def=daily, **inside),
    taking.to_job("both_job", partitions_def=both, **inside),
    taking.to_job("customers_job", partitions_def=customers, **inside),
]
unpartitioned_job = taking.to_job("unpartitioned_job", **inside)


def _asset(name, partitions_def):
    @dg.asset(name=name, key_prefix="by", partitions_def=partitions_def)
    def made() -> None: ...

    return made


assets = [
    _asset(name, partitions_def)
    for name, partitions_def in {
        "colour": colours,
        "odd": odd,
        "day": daily,
        "endless": endless,
        "hour": hourly,
        "week": weekly,
        "month": monthly,
        "quarter": quarterly,
        "both": both,
        "customer": customers,
        "nobody": nobody,
        "nothing": None,
    }.items()
]

colour_assets = dg.define_asset_job("colour_assets", selection=["by/colour"])

defs = dg.Definitions(assets=assets, jobs=[*partitioned_jobs, unpartitioned_job, colour_assets])
