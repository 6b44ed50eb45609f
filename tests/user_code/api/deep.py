"""Definitions that are nested deeper than messages may be, and config with more fields than fit."""

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


@dg.asset(metadata={"nested": nest(60)})
def annotated() -> None: ...


defs = dg.Definitions(jobs=[job_of(10), job_of(60), wide], assets=[annotated])
