"""Jobs of the multiprocess executor, with steps that end in every way."""

import concurrent.futures
import json
import logging
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

from dagster import (
    Backoff,
    ConfigurableResource,
    Definitions,
    DynamicOut,
    DynamicOutput,
    In,
    Nothing,
    Out,
    Output,
    RetryPolicy,
    RetryRequested,
    failure_hook,
    job,
    multiprocess_executor,
    op,
    success_hook,
)
from dagster import resource as dagster_resource

COUNT = [0]
"""The state of the module, as each step must find it after the import."""
LINES = open(__file__, encoding="utf-8")
LINES.readline()
os.environ["SET_AT_IMPORT"] = "yes"
os.environ["TZ"] = "Asia/Tokyo"


class Greeting(ConfigurableResource):
    def setup_for_execution(self, context) -> None:
        context.log.info("setup")

    def teardown_after_execution(self, context) -> None:
        context.log.info("teardown")


@dagster_resource
def broken(_):
    raise ValueError("no such thing")


@success_hook
def well_done(context) -> None:
    context.log.info(f"{context.op.name} is done")


@failure_hook
def too_bad(context) -> None:
    context.log.info(f"{context.op.name} has failed: {context.op_exception}")


def _state() -> dict:
    """Everything that a step finds."""
    COUNT[0] += 1
    return {
        "count": COUNT[0],
        "line": LINES.readline(),
        "directory": os.getcwd(),
        "variables": [os.environ.get("SET_AT_IMPORT"), os.environ.get("SF_PARTNER")],
        "start method": multiprocessing.get_start_method(),
        "process": type(multiprocessing.current_process()).__name__,
        "has parent": multiprocessing.parent_process().is_alive(),
        "daemon": multiprocessing.current_process().daemon,
        "name": multiprocessing.current_process().name.startswith("SpawnProcess-"),
        "children": len(multiprocessing.active_children()),
        "threads": sorted(each.name for each in threading.enumerate()),
        "stdin": sys.stdin.read(),
        "handlers": [
            str(getattr(signal.getsignal(number), "__name__", signal.getsignal(number)))
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE)
        ],
        "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "limits": [
            resource.getrlimit(resource.RLIMIT_DATA),
            resource.getrlimit(resource.RLIMIT_CORE),
        ],
        "offset": time.localtime().tm_gmtoff,
        "shows warnings": warnings.showwarning.__module__,
        "level": logging.getLogger().level,
        "handlers of the root": len(logging.getLogger().handlers),
        "leads its group": os.getpgrp() == os.getpid(),
    }


@op(out={"found": Out(), "number": Out()})
def state() -> tuple[dict, float]:
    return _state(), random.random()


@op(ins={"after": In(Nothing)}, out={"found": Out(), "number": Out()})
def state_again() -> tuple[dict, float]:
    return _state(), random.random()


@op
def compare(context, one: dict, two: dict, a: float, b: float) -> None:
    context.log.info(json.dumps([one, two, a != b]))


@op(ins={"after": In(Nothing)}, out=Out(is_required=False))
def nothing():
    yield from ()


@op
def skipped(_, value) -> None:
    raise AssertionError("is not skipped")


@op(out=DynamicOut(int))
def two_numbers():
    for number in (1, 2):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@op
def double(number: int) -> int:
    return 2 * number


@op
def total(context, numbers: list[int]) -> None:
    context.log.info(str(sum(numbers)))


@op(retry_policy=RetryPolicy(max_retries=1, delay=0, backoff=Backoff.LINEAR))
def second_try(context) -> None:
    if context.retry_number == 0:
        os._exit(5)


@op(ins={"after": In(Nothing)})
def asks_for_a_retry(context, greeting: Greeting) -> None:
    if context.retry_number == 0:
        raise RetryRequested(max_retries=2)


def _square(number: int) -> int:
    return number * number


@op(ins={"after": In(Nothing)})
def in_parallel(context) -> None:
    """The user's own processes and threads, of each kind."""
    with multiprocessing.Pool(2) as pool:
        context.log.info(str(pool.map(_square, [1, 2, 3])))
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        context.log.info(str(list(pool.map(_square, [4]))))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        context.log.info(str(list(pool.map(_square, [5, 6]))))
    context.log.info(subprocess.run(["echo", "7"], capture_output=True, text=True).stdout)


@op(ins={"after": In(Nothing)}, tags={"heavy": "yes"}, pool="one")
def shares(context) -> None:
    memory = SharedMemory(f"steps-{context.run_id}", create=True, size=1)
    memory.buf[0] = 42
    memory.close()


@op(ins={"after": In(Nothing)})
def reads(context) -> None:
    memory = SharedMemory(f"steps-{context.run_id}")
    context.log.info(f"shared: {memory.buf[0]}")
    memory.close()
    memory.unlink()


@op
def raises() -> None:
    raise ValueError("no such thing")


@op
def exits() -> None:
    os._exit(7)


@op
def leaves() -> None:
    sys.exit(9)


@op
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@op
def segfaults() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@op(required_resource_keys={"broken"})
def without_resource() -> None:
    pass


@op
def prints(context) -> Output[None]:
    for number in range(200):
        context.log.debug(str(number))
    for _ in range(50):
        sys.stdout.write("x" * 999_999 + "\n")
    sys.stderr.write("an error\n")
    os.system("echo from a shell")
    return Output(None)


@op
def waits(context) -> None:
    home = Path(os.environ["DAGSTER_HOME"])
    (home / "begun").touch()
    try:
        threading.Event().wait()  # one line, so that the error names it
    finally:
        (home / "cleaned").touch()


ONE_BY_ONE = multiprocess_executor.configured(
    {"max_concurrent": 1, "tag_concurrency_limits": [{"key": "heavy", "limit": 1}]}
)
MODES = {"": {}, "_warm": {"codeserver/runs": "warm"}, "_fresh": {"codeserver/runs": "fresh"}}
JOBS = []

for suffix, tags in MODES.items():
    common = {"tags": tags, "executor_def": ONE_BY_ONE}

    @job(
        name=f"succeeds{suffix}",
        hooks={well_done},
        resource_defs={"greeting": Greeting()},
        **common,
    )
    def succeeds() -> None:
        one, a = state()
        two, b = state_again(after=one)
        compare(one, two, a, b)
        skipped(nothing(after=one))
        total(two_numbers().map(double).collect())
        asks_for_a_retry(after=second_try())
        reads(after=in_parallel(after=shares(after=one)))

    @job(name=f"fails{suffix}", hooks={too_bad}, resource_defs={"broken": broken}, **common)
    def fails() -> None:
        raises()
        exits()
        leaves()
        killed()
        segfaults()
        without_resource()

    @job(name=f"loud{suffix}", **common)
    def loud() -> None:
        prints()

    @job(name=f"waiting{suffix}", **common)
    def waiting() -> None:
        waits()

    JOBS += [succeeds, fails, loud, waiting]

defs = Definitions(jobs=JOBS)
