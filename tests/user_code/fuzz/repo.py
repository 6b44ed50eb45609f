"""One of everything that requests can be about; nothing of it takes long or does harm."""

import dagster as dg

COLOURS = dg.StaticPartitionsDefinition(["red", "green"])


@dg.op(config_schema={"n": dg.Field(int, is_required=False)})
def first(): ...


@dg.op(ins={"after": dg.In(dg.Nothing)})
def second(): ...


@dg.job(executor_def=dg.in_process_executor)
def short():
    second(first())


@dg.job(partitions_def=COLOURS)
def coloured():
    first()


@dg.asset(partitions_def=COLOURS)
def fruit(): ...


@dg.asset
def juice(fruit): ...


@dg.sensor(job=short)
def quick(context):
    return dg.SkipReason(f"cursor of {len(context.cursor or '')}")


@dg.schedule(job=short, cron_schedule="0 0 * * *")
def daily(context):
    return dg.RunRequest(tags={"at": str(context.scheduled_execution_time)})


defs = dg.Definitions(
    assets=[fruit, juice], jobs=[short, coloured], sensors=[quick], schedules=[daily]
)
