"""Definitions made when they are asked for, in a package."""

import dagster as dg


@dg.op
def sell():
    return 1


@dg.job
def selling():
    sell()


@dg.repository
def catalogue():
    return [selling]


@dg.definitions
def lazily() -> dg.Definitions:
    return dg.Definitions(jobs=[selling], metadata={"made": "lazily"})
