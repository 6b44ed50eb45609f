"""Functions of partitions and config that raise, hang, or end their process."""

import ctypes
import os
import signal
import time
import uuid
from pathlib import Path

import dagster as dg


class Number(dg.Config):
    number: int = 0


@dg.op
def take(config: Number): ...


@dg.graph
def taking():
    take()


def raises():
    try:
        {}["key"]
    except KeyError as error:
        raise LookupError("the catalogue is closed") from error


def hangs():
    if "HANGS" in os.environ:
        # Says that it has begun: whoever waits for it reads this file.
        Path(os.environ["HANGS"], uuid.uuid4().hex).touch()
    time.sleep(600)


def exits():
    os._exit(7)


def segfaults():
    ctypes.string_at(0)


def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def sys_exits():
    raise SystemExit(3)


def _jobs(function):
    name = function.__name__

    @dg.dynamic_partitioned_config(partition_fn=lambda _now=None: function() or ["a"])
    def of_partitions(_key):
        return {}

    @dg.static_partitioned_config(partition_keys=["a"])
    def of_config(_key):
        function()
        return {}

    inside = {"executor_def": dg.in_process_executor}
    return (
        taking.to_job(f"partitions_{name}", config=of_partitions, **inside),
        taking.to_job(f"config_{name}", config=of_config, **inside),
    )


FUNCTIONS = (raises, hangs, exits, segfaults, kills_itself, sys_exits)


@dg.config_mapping(config_schema={"number": dg.Field(int, default_value=1)})
def raising_mapping(_config):
    raise ArithmeticError("does not add up")


@dg.graph(config=raising_mapping)
def mapped_inside():
    take()


@dg.job(executor_def=dg.in_process_executor)
def mapping_raises():
    mapped_inside()


@dg.job(executor_def=dg.in_process_executor, partitions_def=dg.StaticPartitionsDefinition(["a"]))
def well():
    take()


defs = dg.Definitions(
    jobs=[*(job for function in FUNCTIONS for job in _jobs(function)), mapping_raises, well]
)
