"""Definitions that Dagster takes and messages have no room or no word for, and a secret."""

from __future__ import annotations

from typing import Any

import dagster as dg


def nest(levels: int) -> Any:
    return {"k": nest(levels - 1)} if levels else 1


@dg.op(config_schema={"nested": dg.Field(dict, default_value=nest(40))})
def leaf() -> None: ...


def job_of(levels: int) -> dg.JobDefinition:
    inner: Any = leaf
    for level in range(levels):
        inner = dg.GraphDefinition(name=f"inside_{levels}_{level}", node_defs=[inner])
    return inner.to_job(name=f"deep_{levels}")


@dg.op(config_schema={f"field_{number}": dg.Field(int, default_value=0) for number in range(1_000)})
def wide_op() -> None: ...


@dg.job
def wide() -> None:
    wide_op()


@dg.op(
    tags={"$json": "x"},
    retry_policy=dg.RetryPolicy(max_retries=10**12, delay=1e300),
    config_schema={"password": dg.Field(str, is_secret=True), "user": dg.Field(str)},
)
def odd_op() -> None: ...


@dg.job(
    tags={"$json": "x"},
    config={"ops": {"odd_op": {"config": {"password": "hidden", "user": "shown"}}}},
)
def odd() -> None:
    odd_op()


@dg.sensor(job=odd, minimum_interval_seconds=10**14)
def patient() -> None: ...


@dg.asset(metadata={"nested": nest(60)})
def annotated() -> None: ...


defs = dg.Definitions(
    jobs=[job_of(10), job_of(60), wide, odd], sensors=[patient], assets=[annotated]
)
