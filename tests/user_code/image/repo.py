"""Sensors that do to a container what user code may do to it."""

import os

import dagster as dg


@dg.op
def nothing(): ...


@dg.job
def job():
    nothing()


@dg.sensor(job=job)
def forks():
    """Fork a child that nobody waits for; one in ten leaves an orphan behind."""
    if os.fork() == 0:
        if os.getpid() % 10 == 0:
            os.fork()
        os._exit(0)
    return dg.SkipReason("forked")


@dg.sensor(job=job)
def takes_all_memory():
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


@dg.sensor(job=job)
def quick():
    return dg.SkipReason("fine")


defs = dg.Definitions(jobs=[job], sensors=[forks, takes_all_memory, quick])
