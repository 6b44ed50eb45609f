"""Values that are different in each import, and others that are not."""

import datetime
import os
import random
import sys
import uuid
from pathlib import Path

import numpy as np
from dagster import Config, Definitions, in_process_executor, job, op

STARTED = datetime.datetime.now()
TAG = uuid.uuid4().hex
TODAY = STARTED.strftime("%Y")
GENERATOR = np.random.default_rng()
RANDOM = random.Random()
SEEDED = random.Random(7)
IMPORTED_IN = os.getpid()
os.environ["IMPORTS"] = os.environ.get("IMPORTS", "") + "i"
sys.path.append("/the/imports/own")
MAIN = Path(__file__).name


class Export(Config):
    file_name: str = f"export_{TODAY}_{TAG}.csv"


@op
def values(context, config: Export):
    context.log.info(
        repr(
            {
                "time": STARTED,
                "id": TAG,
                "default of config": config.file_name,
                "generator": GENERATOR.random(),
                "random": RANDOM.random(),
                "seeded": SEEDED.random(),
                "global random": random.random(),
                "global numpy": np.random.random(),
                "imported in this process": IMPORTED_IN == os.getpid(),
                "imports": os.environ["IMPORTS"],
                "paths": sys.path.count("/the/imports/own"),
                "directory": os.getcwd(),
                "file": MAIN,
            }
        )
    )


@job(executor_def=in_process_executor)
def show():
    values()


@job(executor_def=in_process_executor, tags={"codeserver/runs": "warm"})
def show_warm():
    values()


defs = Definitions(jobs=[show, show_warm])
