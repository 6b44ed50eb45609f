"""Small definitions of common kinds, which a base loads before it forks; see `roles/base.py`."""

import dagster as dg


class _Settings(dg.Config):
    rows: int = 1


class _Store(dg.ConfigurableResource[None]):
    path: str = ""


@dg.asset(group_name="sample", owners=["team:sample"], kinds={"python"}, tags={"size": "s"})
def first(config: _Settings) -> int:
    """Return a number."""
    return config.rows


@dg.asset(deps=[first], partitions_def=dg.DailyPartitionsDefinition("2020-01-01"))
def second(store: _Store) -> None:
    """Do nothing."""


@dg.asset_check(asset=first)
def is_there() -> dg.AssetCheckResult:
    """Pass."""
    return dg.AssetCheckResult(passed=True)


@dg.op
def _op() -> None:
    """Do nothing."""


@dg.job
def by_op() -> None:
    """Do nothing."""
    _op()


by_assets = dg.define_asset_job("by_assets", selection=[first])


@dg.schedule(job=by_assets, cron_schedule="0 0 * * *")
def schedule() -> dg.RunRequest:
    """Request a run."""
    return dg.RunRequest()


@dg.sensor(job=by_op)
def sensor() -> dg.SkipReason:
    """Skip."""
    return dg.SkipReason("")


defs = dg.Definitions(
    assets=[first, second],
    asset_checks=[is_there],
    jobs=[by_op, by_assets],
    schedules=[schedule],
    sensors=[sensor],
    resources={"store": _Store()},
)
