"""A job that takes a moment, so that a server can be told to end meanwhile."""

import time

import dagster as dg


@dg.op
def take_a_moment() -> None:
    print("the op has begun", flush=True)
    time.sleep(3)
    print("the op has ended", flush=True)


@dg.job
def slow_job() -> None:
    take_a_moment()
