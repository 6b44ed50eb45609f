"""One code location with a little of everything that a code server is asked about."""

import os
import signal
import time
from pathlib import Path

import dagster as dg

COLOURS = ["red", "green", "blue"]
daily = dg.DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-01-06")
colours = dg.StaticPartitionsDefinition(COLOURS)
customers = dg.DynamicPartitionsDefinition(name="customers")


class Greeter(dg.ConfigurableResource):
    greeting: str = "hello"


class BrokenResource(dg.ConfigurableResource):
    def setup_for_execution(self, context) -> None:
        raise RuntimeError("the database is away")


# Assets


@dg.asset(group_name="raw", description="Where it starts.", code_version="1", owners=["team:data"])
def source() -> int:
    return 1


@dg.asset(
    deps=[source],
    kinds={"python"},
    tags={"tier": "gold"},
    metadata={"rows": 3, "link": dg.MetadataValue.url("https://example.org/table")},
    automation_condition=dg.AutomationCondition.eager(),
)
def derived() -> None: ...


@dg.asset(partitions_def=daily)
def per_day() -> None: ...


@dg.asset(partitions_def=dg.MultiPartitionsDefinition({"day": daily, "colour": colours}))
def per_day_and_colour() -> None: ...


@dg.asset(partitions_def=customers)
def per_customer() -> None: ...


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right", deps=["left"])], can_subset=True)
def halves(context: dg.AssetExecutionContext):
    for key in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=key)


@dg.asset_check(asset=derived, blocking=True)
def derived_is_fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


external = dg.AssetSpec("external", metadata={"system": "elsewhere"})


# Jobs


@dg.op
def one() -> int:
    return 1


class Amount(dg.Config):
    amount: int = 2


@dg.op(tags={"kind": "sum"})
def add(config: Amount, number: int) -> int:
    return number + config.amount


@dg.op
def show(context: dg.OpExecutionContext, number: int) -> None:
    context.log.info(f"the number is {number}")


@dg.job(executor_def=dg.in_process_executor, tags={"team": "data"})
def arithmetic():
    """Adds numbers."""
    show(add(one()))


@dg.job
def in_processes():
    one()


@dg.graph
def inner(number: int) -> int:
    return add(number)


@dg.job(executor_def=dg.in_process_executor)
def nested():
    show(inner(one()))


@dg.op
def raise_it():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("no such thing") from error


@dg.job(executor_def=dg.in_process_executor)
def raises():
    raise_it()


@dg.op
def exit_seven():
    os._exit(7)


@dg.job(executor_def=dg.in_process_executor)
def exits():
    exit_seven()


@dg.op
def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


@dg.job(executor_def=dg.in_process_executor)
def killed():
    kill_self()


class Release(dg.Config):
    path: str


@dg.op
def wait_for_cancel(config: Release):
    """Run until cancelled; then take until the file exists to come to an end.

    A file beside it says that it has begun, and can be cancelled from then on.
    """
    try:
        Path(config.path).with_suffix(".begun").touch()
        time.sleep(600)
    except BaseException as interrupt:
        while not Path(config.path).exists():
            time.sleep(0.02)
        raise interrupt.with_traceback(None) from None  # whatever line it was at


@dg.job(executor_def=dg.in_process_executor)
def waits():
    wait_for_cancel()


@dg.op(required_resource_keys={"greeter"})
def greet(context: dg.OpExecutionContext) -> str:
    return context.resources.greeter.greeting


@dg.job(executor_def=dg.in_process_executor)
def greets():
    greet()


def _amount(number: int) -> dict:
    return {"ops": {"add": {"config": {"amount": number}}}}


@dg.static_partitioned_config(
    partition_keys=COLOURS, tags_for_partition_key_fn=lambda key: {"c": key}
)
def by_colour(key: str) -> dict:
    if key == "blue":
        raise ValueError("blue is not for sale")
    return _amount(len(key))


by_day = dg.PartitionedConfig(
    partitions_def=daily,
    run_config_for_partition_key_fn=lambda key: _amount(int(key[-2:])),
)


def _names_fail(_now=None) -> list[str]:
    raise LookupError("the catalogue is closed")


@dg.dynamic_partitioned_config(partition_fn=_names_fail)
def by_failing_names(_key: str) -> dict:
    return {}


@dg.static_partitioned_config(partition_keys=["a"], tags_for_partition_key_fn=lambda _: 1 / 0)
def by_failing_tags(_key: str) -> dict:
    return {}


@dg.job(config=by_colour, executor_def=dg.in_process_executor)
def coloured():
    add(one())


@dg.job(config=by_day, executor_def=dg.in_process_executor)
def dated():
    add(one())


@dg.job(config=by_failing_names)
def names_fail():
    one()


@dg.job(config=by_failing_tags)
def tags_fail():
    one()


@dg.job(partitions_def=customers)
def for_customers():
    one()


raw_job = dg.define_asset_job("raw_job", selection=[source, derived], tags={"kind": "assets"})
per_day_job = dg.define_asset_job("per_day_job", selection=[per_day])
halves_job = dg.define_asset_job("halves_job", selection=["left", "right"])


# Schedules


@dg.schedule(job=arithmetic, cron_schedule="0 5 * * *", execution_timezone="Europe/Berlin")
def mornings(context: dg.ScheduleEvaluationContext):
    when = context.scheduled_execution_time
    context.log.info("good morning")
    return dg.RunRequest(run_key=when.isoformat(), run_config=_amount(when.day), tags={"a": "b"})


@dg.schedule(job=arithmetic, cron_schedule=["0 1 * * *", "0 2 * * *"])
def never(context):
    return dg.SkipReason("not today")


@dg.schedule(target=[source], cron_schedule="@daily")
def schedule_raises(context):
    try:
        {}["first"]
    except KeyError:
        raise ValueError("no first")  # noqa: B904 - the KeyError is to be its context, not its cause


@dg.schedule(job=arithmetic, cron_schedule="@hourly")
def several_requests(context):
    yield from (dg.RunRequest(run_key=str(number)) for number in range(3))


@dg.schedule(job=greets, cron_schedule="@hourly")
def schedule_with_resource(context, greeter: Greeter):
    return dg.SkipReason(greeter.greeting)


dated_schedule = dg.build_schedule_from_partitioned_job(dated)


# Sensors


@dg.sensor(job=arithmetic, minimum_interval_seconds=7, description="Counts.")
def counts(context: dg.SensorEvaluationContext):
    number = int(context.cursor or 0)
    context.update_cursor(str(number + 1))
    return dg.RunRequest(run_key=f"run-{number}", run_config=_amount(number))


@dg.sensor(job=arithmetic)
def skips():
    return dg.SkipReason("nothing to do")


@dg.sensor(job=arithmetic)
def logs(context):
    context.log.info("looking")
    context.log.warning("nothing there")
    return dg.SkipReason("nothing")


@dg.sensor(job=arithmetic)
def sensor_raises(context):
    raise RuntimeError("not reachable") from OSError("cable")


@dg.sensor(job=arithmetic)
def returns_rubbish(context):
    return 42


@dg.sensor(job=arithmetic)
def many_requests(context):
    """More than two chunks of 4,000,000 characters."""
    for number in range(int(context.cursor)):
        yield dg.RunRequest(run_key=str(number), tags={"filler": "x" * 1000})


@dg.sensor(job=arithmetic)
def echoes_cursor(context):
    return dg.SensorResult(skip_reason=str(len(context.cursor)), cursor=context.cursor)


@dg.sensor(job=greets)
def sensor_with_resource(context, greeter: Greeter):
    return dg.SkipReason(greeter.greeting)


@dg.sensor(job=greets)
def sensor_with_broken_resource(context, broken: BrokenResource):
    return dg.SkipReason("never")


@dg.sensor(job=arithmetic)
def asks_instance(context):
    return dg.SkipReason(f"{context.instance.get_runs_count() >= 0}")


@dg.sensor(asset_selection=[per_customer])
def adds_customers(context):
    return dg.SensorResult(
        run_requests=[dg.RunRequest(partition_key="ann")],
        dynamic_partitions_requests=[customers.build_add_request(["ann"])],
    )


@dg.run_failure_sensor
def on_failure(context):
    raise AssertionError("no run has failed yet")


defs = dg.Definitions(
    assets=[source, derived, per_day, per_day_and_colour, per_customer, halves, external],
    asset_checks=[derived_is_fine],
    jobs=[
        *(arithmetic, in_processes, nested, raises, exits, killed, waits, greets, coloured, dated),
        *(names_fail, tags_fail, for_customers, raw_job, per_day_job, halves_job),
    ],
    schedules=[
        *(mornings, never, schedule_raises, several_requests),
        *(schedule_with_resource, dated_schedule),
    ],
    sensors=[
        *(counts, skips, logs, sensor_raises, returns_rubbish, many_requests),
        *(echoes_cursor, sensor_with_resource, sensor_with_broken_resource, asks_instance),
        *(adds_customers, on_failure),
    ],
    resources={"greeter": Greeter(), "broken": BrokenResource()},
)
