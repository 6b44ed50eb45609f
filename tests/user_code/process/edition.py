"""One location whose every part says which edition of the code it is of."""

import os
import time
from pathlib import Path

import dagster as dg

EDITION = "first"


class Release(dg.Config):
    path: str


@dg.op
def wait_for_release(context: dg.OpExecutionContext, config: Release):
    while not Path(config.path).exists():
        time.sleep(0.02)
    context.log.info(f"edition: {EDITION}")


@dg.job(executor_def=dg.in_process_executor, description=EDITION)
def patient():
    wait_for_release()


@dg.sensor(job=patient)
def says():
    return dg.SkipReason(EDITION)


@dg.sensor(job=patient)
def waits(context):
    """Waits until there is a file beside the one that the cursor names."""
    path = Path(context.cursor)
    path.write_text(str(os.getpid()))
    while not path.with_suffix(".go").exists():
        time.sleep(0.02)
    return dg.SkipReason(EDITION)


defs = dg.Definitions(jobs=[patient], sensors=[says, waits])
