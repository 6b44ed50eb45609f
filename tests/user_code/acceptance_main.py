"""What the acceptance tests drive through the webserver and the daemon."""

import time

from dagster import (
    AssetCheckResult,
    Definitions,
    RunRequest,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
    job,
    op,
    schedule,
    sensor,
    static_partitioned_config,
)


@op
def numbers():
    return [1, 2, 3]


@op
def total(values):
    return sum(values)


@op
def largest(values):
    return max(values)


@op
def report(context, total, largest):
    context.log.info(f"total {total}, largest {largest}")


@job
def example_job():
    # Dagster's default executor: one new process per step.
    values = numbers()
    report(total(values), largest(values))


@op
def fail():
    raise ValueError("the op is broken")


@job(executor_def=in_process_executor)
def failing_job():
    fail()


@op
def wait_to_be_terminated(context):
    deadline = time.monotonic() + 240
    try:
        context.log.info("waiting")
        while time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        context.log.info("cleaned up")


@job(executor_def=in_process_executor)
def endless_job():
    wait_to_be_terminated()


@op
def look(context):
    context.log.info(f"tags {dict(context.run.tags)}")


@job(executor_def=in_process_executor)
def sensed_job():
    look()


@sensor(job=sensed_job, minimum_interval_seconds=1)
def once(context):
    yield RunRequest(run_key="only", tags={"origin": "once"})


@job(executor_def=in_process_executor)
def scheduled_job():
    look()


@schedule(job=scheduled_job, cron_schedule="* * * * *", execution_timezone="UTC")
def every_minute(context):
    minute = context.scheduled_execution_time.strftime("%H:%M")
    return RunRequest(run_key=minute, tags={"minute": minute})


@op(config_schema={"letter": str})
def spell(context):
    context.log.info(f"letter {context.op_config['letter']}")


@static_partitioned_config(partition_keys=["a", "b", "c"])
def letters(partition_key):
    return {"ops": {"spell": {"config": {"letter": partition_key}}}}


@job(config=letters, executor_def=in_process_executor)
def lettered_job():
    spell()


@asset(metadata={"kind": "text"})
def greeting(context):
    context.add_output_metadata({"length": 5})
    return "hello"


@asset
def loud_greeting(greeting):
    return greeting.upper()


@asset_check(asset=loud_greeting)
def is_loud(loud_greeting):
    return AssetCheckResult(passed=loud_greeting.isupper(), metadata={"text": loud_greeting})


@asset(partitions_def=StaticPartitionsDefinition(["north", "south"]))
def region(context):
    return context.partition_key


defs = Definitions(
    assets=[greeting, loud_greeting, region],
    asset_checks=[is_loud],
    jobs=[
        example_job,
        failing_job,
        endless_job,
        sensed_job,
        scheduled_job,
        lettered_job,
        define_asset_job(
            "asset_job",
            selection=[greeting, loud_greeting],
            executor_def=in_process_executor,
        ),
    ],
    sensors=[once],
    schedules=[every_minute],
)
