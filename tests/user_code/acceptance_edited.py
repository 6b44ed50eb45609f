"""What the tests of hot reload edit: every part of it says which edition of the code it is of."""

import os
import time
from pathlib import Path

from dagster import Definitions, RunRequest, in_process_executor, job, op, sensor

EDITION = "first"


@op
def work(context):
    context.log.info(f"the {EDITION} edition works")


@job(name=f"{EDITION}_job", executor_def=in_process_executor)
def work_job():
    work()


@op
def wait_for_the_gate(context):
    context.log.info(f"the {EDITION} edition waits")
    gate = Path(os.environ["DAGSTER_HOME"], "gate")
    deadline = time.monotonic() + 240
    while not gate.exists():
        assert time.monotonic() < deadline, "nobody opens the gate"
        time.sleep(0.05)
    context.log.info(f"the {EDITION} edition goes on")


@job(executor_def=in_process_executor)
def patient_job():
    wait_for_the_gate()
    work()


@sensor(job=work_job, minimum_interval_seconds=1)
def once_an_edition(context):
    return RunRequest(run_key=EDITION, tags={"edition": EDITION})


defs = Definitions(jobs=[work_job, patient_job], sensors=[once_an_edition])
