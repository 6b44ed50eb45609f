"""A small location, as a platform team has dozens of."""

import dagster as dg


@dg.asset
def orders() -> int:
    """Read the orders of a day."""
    return 1


@dg.asset
def paid_orders(orders: int) -> int:
    """Keep those that are paid."""
    return orders


@dg.asset
def revenue(paid_orders: int) -> int:
    """Add them up."""
    return paid_orders


daily_job = dg.define_asset_job("daily_job", selection=[orders, paid_orders, revenue])


@dg.schedule(job=daily_job, cron_schedule="0 6 * * *")
def every_morning() -> dg.RunRequest:
    """Add up the orders at six."""
    return dg.RunRequest()


@dg.sensor(job=daily_job)
def new_orders() -> dg.SkipReason:
    """Skip at once."""
    return dg.SkipReason("There are no new orders.")


defs = dg.Definitions(
    assets=[orders, paid_orders, revenue],
    jobs=[daily_job],
    schedules=[every_morning],
    sensors=[new_orders],
)
