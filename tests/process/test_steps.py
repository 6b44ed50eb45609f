"""Steps that are forked: which ones, and what becomes of them when other processes end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus

from tests.differential import running
from tests.differential.running import Launched
from tests.process.conftest import Load, Start
from tests.process.editing import replace
from tests.process.running import final_status, messages
from tests.process.serving import Server, name_of
from tests.support.eventually import eventually
from tests.support.portable import FORKED

CODE = """
import json
import multiprocessing
import os
import time
from pathlib import Path

import dagster as dg

FOLDER = Path(__file__).parent


def told(**facts):
    run = multiprocessing.parent_process()
    facts["forked"] = run is not None and os.getppid() != run.pid
    return "told " + json.dumps(facts)


@dg.op(ins={"after": dg.In(dg.Nothing)})
def tell(context):
    context.log.info(told(edition="one"))


@dg.op(ins={"after": dg.In(dg.Nothing)})
def count(context):
    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    run = multiprocessing.parent_process().pid
    facts = {"run": descriptors(run), "template": descriptors(os.getppid())}
    context.log.info(told(**facts, own=descriptors("self")))


@dg.op
def wait_for_release():
    (FOLDER / "begun").touch()
    while not (FOLDER / "release").exists():
        time.sleep(0.01)


@dg.op
def wait_for_any_child(context):
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError as error:
        context.log.info(told(error=str(error)))


@dg.job
def two():
    tell(after=wait_for_release())


@dg.job
def many():
    last = tell()
    for _ in range(10):
        last = count(after=last)


@dg.job(executor_def=dg.in_process_executor)
def in_process():
    wait_for_any_child()


def with_method(method):
    executor = dg.multiprocess_executor.configured({"start_method": {method: {}}})

    @dg.job(name=method, executor_def=executor)
    def chosen():
        tell()

    return chosen


defs = dg.Definitions(jobs=[two, many, in_process, with_method("spawn"), with_method("forkserver")])
"""


def told(launched: Launched) -> list[dict[str, object]]:
    """The facts that the steps of a run have logged, once it has succeeded."""
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    found = [text for text in messages(launched) if text and text.startswith("told ")]
    return [json.loads(text.removeprefix("told ")) for text in found]


def launch_waiting(server: Server) -> Launched:
    """A run of `two`, in its first step."""
    for name in ("begun", "release"):
        (server.folder / name).unlink(missing_ok=True)
    launched = running.launch(server, "two")
    eventually((server.folder / "begun").exists, what="the first step")
    return launched


def release(server: Server) -> None:
    (server.folder / "release").touch()


def step_template(server: Server) -> psutil.Process:
    run = server.only("run")
    return next(each for each in server.processes("template") if each.ppid() == run.pid)


@pytest.mark.parametrize("runs", [(), ("--runs", "fresh")], ids=["warm", "fresh"])
def test_steps_leave_nothing_behind(runs: tuple[str, ...], load: Load) -> None:
    server = load(CODE, *runs)
    first, *others = told(running.launch(server, "many"))
    assert first["forked"]
    # Older versions of Dagster close what they have of a step a little later.
    in_run = [each.pop("run") for each in others]
    assert max(in_run) - min(in_run) < len(others) / 2
    assert others == others[:1] * 10
    assert not server.processes("step")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_start_method_of_the_user(method: str, load: Load) -> None:
    server = load(CODE)
    (facts,) = told(running.launch(server, method))
    assert facts["forked"] is (method == "forkserver")
    assert not server.processes("step")


def test_warm_steps_off(load: Load) -> None:
    server = load(CODE, "--warm-steps", "off")
    launched = launch_waiting(server)
    assert not server.processes("step")
    release(server)
    assert [facts["forked"] for facts in told(launched)] == [False]


def test_no_other_child_of_a_run_whose_ops_are_executed_in_it(load: Load) -> None:
    (facts,) = told(running.launch(load(CODE), "in_process"))
    assert facts["error"] == "[Errno 10] No child processes"


def test_killed_run_leaves_no_step(load: Load) -> None:
    server = load(CODE)
    launched = launch_waiting(server)
    left = [server.only("step"), step_template(server)]
    server.only("run").kill()
    assert final_status(launched) is DagsterRunStatus.FAILURE
    eventually(lambda: not any(map(name_of, left)), what="the ends of both")


def test_lost_template_costs_no_step(load: Load) -> None:
    server = load(CODE)
    launched = launch_waiting(server)
    step_template(server).send_signal(signal.SIGKILL)
    eventually(lambda: len(server.processes("template")) == 0, what="the end of the template")
    release(server)
    assert [facts["forked"] for facts in told(launched)] == [False]
    assert "A step starts as a new interpreter: the process that forks steps has ended" in (
        server.server.text
    )


def test_signals_to_the_group_of_a_run_leave_its_template(load: Load) -> None:
    server = load(CODE)
    launched = launch_waiting(server)
    for number in (signal.SIGTERM, signal.SIGINT):
        step_template(server).send_signal(number)
    release(server)
    assert [facts["forked"] for facts in told(launched)] == [True]


def test_step_after_a_change_of_packages_finds_them(start: Start, work: Path) -> None:
    packages = work / "site-packages"
    packages.mkdir()
    (work / "served.py").write_text(CODE)
    options = ("-f", "served.py", "--runs", "fresh")
    server = start(*options, env={"PYTHONPATH": str(packages)})
    launched = launch_waiting(server)
    (packages / "new.py").touch()
    release(server)
    assert [facts["forked"] for facts in told(launched)] == [False]
    assert "A step starts as a new interpreter: packages were installed or removed" in (
        server.server.text
    )


@FORKED
def test_edit_during_a_run_is_executed_by_its_next_step(load: Load) -> None:
    server = load(CODE, "--runs", "auto")
    running.rehearsed(server)
    launched = launch_waiting(server)
    replace(server.folder / "served.py", CODE.replace('edition="one"', 'edition="two"'))
    release(server)
    assert told(launched) == [{"edition": "two", "forked": False}]
    assert "A step starts as a new interpreter: served.py changed after the load" in (
        server.server.text
    )
