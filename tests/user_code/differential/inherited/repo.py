"""Code that has files open when it is loaded, and looks at the process that it is in."""

import csv
import multiprocessing
import os
import sys
import time
from pathlib import Path

import dagster as dg

HERE = Path(__file__).parent
LOOKUP = open(__file__, "rb", buffering=0)
READER = csv.DictReader(open(HERE / "rows.csv"))


def square(number):
    return number * number


def found():
    """What a module of the working directory says, and what a process that has to import this."""
    from helpers.late import X

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return X, pool.map_async(square, [3]).get(timeout=60)


@dg.op(config_schema={"folder": str, "name": str})
def read(context):
    """Read what the module has opened, in the midst of another run that does the same."""
    folder = Path(context.op_config["folder"])
    LOOKUP.seek(0)
    size = len(LOOKUP.read(100))
    (folder / context.op_config["name"]).touch()
    while len(list(folder.glob("*"))) < 2:
        time.sleep(0.01)
    size += len(LOOKUP.read())
    context.log.info(f"read all: {size == os.path.getsize(__file__)}, rows: {len(list(READER))}")
    # Not in a global of this module, because Python, when it collects those at its end, may close the
    # file before it has written what is in the buffer.
    sys.kept_file = open(folder / f".{context.op_config['name']}", "w")
    sys.kept_file.write("a,b\n" * 10)


@dg.op
def look(context):
    context.log.info(f"found: {found()}; called: {called()}")


def called():
    return [os.path.basename(sys.argv[0]), "grpc" in sys.argv, *sys.argv[-4:-1]]


@dg.job(executor_def=dg.in_process_executor)
def reads():
    read()


@dg.job
def looks_in_steps():
    look()


@dg.sensor(target="*")
def reads_in_ticks():
    """Only the first tick of a process reads anything."""
    return dg.SkipReason(f"read all: {len(LOOKUP.read()) == os.path.getsize(__file__)}")


@dg.sensor(target="*")
def looks_in_ticks():
    main = sys.modules["__main__"].__file__ == sys.argv[0]
    return dg.SkipReason(f"found: {found()}; called: {called()}, {main}")


defs = dg.Definitions(jobs=[reads, looks_in_steps], sensors=[reads_in_ticks, looks_in_ticks])
