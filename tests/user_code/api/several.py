"""Repositories that have a job and an asset of the same name."""

import dagster as dg


@dg.op
def hello(): ...


@dg.op
def goodbye(): ...


@dg.job(name="shared", description="Of the first.")
def shared_of_first():
    hello()


@dg.job(name="shared", description="Of the second.")
def shared_of_second():
    goodbye()


@dg.job
def only_first():
    hello()


@dg.job
def only_second():
    goodbye()


@dg.asset(name="table", description="Of the first.")
def table_of_first() -> None: ...


@dg.asset(name="table", partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def table_of_second() -> None: ...


@dg.asset(deps=[table_of_second])
def chart() -> None: ...


@dg.schedule(job=shared_of_first, cron_schedule="@daily")
def nightly():
    return dg.RunRequest()


@dg.repository
def first():
    return [shared_of_first, only_first, table_of_first, nightly]


@dg.repository
def second():
    return [shared_of_second, only_second, table_of_second, chart]
