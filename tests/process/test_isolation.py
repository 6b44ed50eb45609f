"""How evaluators and runs get the code: forked where that can be trusted, else they load it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from codeserver.system import losses
from tests.process.conftest import Load, Start
from tests.process.editing import Since
from tests.process.running import final_status, launch_patient, messages, reasons
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    pid_in,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually
from tests.support.portable import needs_linux
from tests.support.postgres import postgres

CODE = (USER_CODE / "edition.py").read_text()


@dataclass(frozen=True)
class Case:
    """What a module does at its import.

    Attributes:
        name: in words.
        at_import: the lines that do it.
        in_use: an expression that uses it, whose value the tick tells.
        said: its value.
        reason: what the log says about it; empty when forks can be trusted.
    """

    name: str
    at_import: str
    in_use: str
    said: str
    reason: str = ""

    def __str__(self) -> str:
        return self.name.replace(" ", "_")

    @property
    def code(self) -> str:
        beginning, end = CODE.split("defs = ")
        code = f"{beginning}{self.at_import}\ndefs = {end}"
        use = f"str({self.in_use})"
        code = code.replace("dg.SkipReason(EDITION)", f"dg.SkipReason({use})")
        return code.replace('f"edition: {EDITION}"', use)


POLARS = 'pl.DataFrame({"a": [1, 2, 2]}).group_by("a").len().sort("a")["len"].to_list()'

CASES = [
    Case("nothing", "", "1 + 1", "2"),
    Case("numpy", "import numpy as np", "(np.ones((99, 99)) @ np.ones((99, 99)))[0, 0]", "99.0"),
    Case("pandas", "import pandas as pd", 'pd.DataFrame({"a": [1, 2]}).a.sum()', "3"),
    Case("pyarrow", "import pyarrow.compute as pc", "pc.sum([1, 2])", "3"),
    Case("polars imported", "import polars as pl", POLARS, "[1, 2]"),
    Case("polars used", f"import polars as pl\n{POLARS}", POLARS, "[1, 2]", "polars"),
    Case(
        "boto3 client",
        "import boto3\nS3 = boto3.client('s3', region_name='x', aws_access_key_id='x',"
        " aws_secret_access_key='x')",
        "S3.meta.region_name",
        "x",
    ),
    Case(
        "grpc channel",
        "import grpc\nCHANNEL = grpc.insecure_channel('127.0.0.1:1')\n"
        "CHANNEL.subscribe(lambda _: None, try_to_connect=True)",
        "CHANNEL.close() or 'closed'",
        "closed",
        "a native thread of grpc",
    ),
    Case(
        "SQLAlchemy connected to SQLite",
        "import sqlalchemy as sa\nENGINE = sa.create_engine('sqlite:///data.db')\n"
        "CONNECTION = ENGINE.connect()\n"
        "CONNECTION.execute(sa.text('create table if not exists t (x int)'))\n"
        "CONNECTION.commit()",
        "CONNECTION.execute(sa.text('select 40 + 2')).scalar()",
        "42",
        "an SQLite database is open",
    ),
    Case(
        "thread",
        "import threading\nTHREAD = threading.Thread(target=threading.Event().wait, daemon=True,"
        " name='exporter')\nTHREAD.start()",
        "THREAD.is_alive()",
        "True",
        "a Python thread is running: exporter",
    ),
    Case(
        "event loop",
        "import asyncio\nLOOP = asyncio.new_event_loop()",
        "LOOP.run_until_complete(asyncio.sleep(0, 'slept'))",
        "slept",
        "an event loop is open",
    ),
]

OPENING = """
import sys

def imported_by_an_instance():
    before = set(sys.modules)
    with dg.DagsterInstance.get() as instance:
        instance.get_runs_count()
    return sorted(set(sys.modules) - before)
"""


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("isolation")
    (folder / "served.py").write_text(CODE)
    options = ["-f", str(folder / "served.py")]
    with serve(home, home / "isolation.sock", *options, cwd=folder) as server:
        eventually(lambda: "load #1" in server.server.text, what="the line of the first load")
        yield server


def use(server: Server, code: str) -> None:
    """Have the server load it."""
    (server.folder / "served.py").write_text(code)
    log = Since(server)
    assert not server.reload()
    log.logs("load #")


def check(server: Server, work: Path, case: Case) -> None:
    """It works in ticks, also in several at once, and in runs; and the log says how."""
    assert [skip_message(server, "says") for _ in range(3)] == [case.said] * 3
    launched = launch_patient(server, work / "release")
    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    logged = messages(launched)
    assert case.said in logged
    assert not reasons(launched)


def explains(server: Server, reason: str) -> None:
    """Wait until the log says why the newest code is not forked; check that, else, it does not."""
    if reason:
        eventually(lambda: reason in explanation(server), what=f"{reason!r} in the log")
    eventually(lambda: "load #" in server.server.text, what="the line of a load in the log")
    assert bool(explanation(server)) == bool(reason)


def explanation(server: Server) -> str:
    """What the log says since the newest load about not forking."""
    text = server.server.text
    _, _, newest = text[text.rindex("load #") :].partition("load the code themselves: ")
    return newest.partition("\n")[0]


def test_what_the_system_lacks_is_said_once_at_the_start(shared: Server) -> None:
    lines = [line for line in shared.server.text.splitlines() if "docs/macos.md" in line]
    lost = losses.in_words()
    assert len(lines) == (0 if lost is None else 1)
    assert all(line.endswith(f" - {lost}") for line in lines)


@needs_linux("the audit needs Linux")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_module_does_at_its_import(shared: Server, work: Path, case: Case) -> None:
    use(shared, case.code)

    check(shared, work, case)

    explains(shared, case.reason)


@needs_linux("the audit needs Linux")
def test_a_connection_to_postgres(shared: Server, work: Path) -> None:
    with postgres() as database:
        case = Case(
            "SQLAlchemy connected to PostgreSQL",
            f"import sqlalchemy as sa\nCONNECTION = sa.create_engine({database.url!r}).connect()",
            "CONNECTION.execute(sa.text('select 40 + 2')).scalar()",
            "42",
            "a socket to",
        )
        use(shared, case.code)
        check(shared, work, case)
        explains(shared, case.reason)
        use(shared, CODE)
        eventually(lambda: len(shared.processes("host")) == 1, what="the end of what is connected")


@pytest.mark.parametrize(
    ("mode", "forked"), [("fork", True), ("spawn", False)], ids=["fork", "spawn"]
)
def test_the_operator_decides(load: Load, mode: str, forked: bool) -> None:
    """Whatever the module has done: the thread is not there in a fork of it.

    An evaluator that loads the code itself has been prepared for opening the instance nevertheless.
    """
    case = next(case for case in CASES if case.name == "thread")
    use = f"({case.in_use}, {'[]' if forked else 'imported_by_an_instance()'})"
    case = replace(case, at_import=f"{case.at_import}\n{OPENING}", in_use=use)
    server = load(case.code, "--isolation", mode)

    assert skip_message(server, "says") == str((not forked, []))
    explains(server, "" if forked else "--isolation spawn")


def test_what_is_killed_is_replaced(load: Load) -> None:
    """A host that does not fork is an evaluator like others; what all are forked from is not."""
    server = load(CODE, "--isolation", "spawn")
    log = Since(server)
    assert skip_message(server, "says") == "first"

    (host := server.only("host")).kill()
    wait_until_gone([host])
    assert skip_message(server, "says") == "first"
    assert not server.processes("host")

    server.only("forkserver").kill()
    log.logs("loading again")
    assert eventually(lambda: skip_message(server, "says"), what="an answer again") == "first"
    assert log.text.count("loading again") == 1


IN_EACH_PROCESS = """
import os, threading
def start(name):
    threading.Thread(target=threading.Event().wait, daemon=True, name=name).start()
start("gauge")
start("exporter")
os.register_at_fork(after_in_child=lambda: start("exporter"))
"""


@needs_linux("the audit needs Linux")
def test_threads_that_are_there_before_the_code(start: Start, work: Path) -> None:
    """By sitecustomize; those of OpenTelemetry begin anew in each fork. Others are told of."""
    (work / "path").mkdir()
    (work / "path" / "sitecustomize.py").write_text(IN_EACH_PROCESS)
    names = "import threading\ndef names(): return [each.name for each in threading.enumerate()]"
    (work / "served.py").write_text(Case("", names, "names()", "").code)

    server = start("-f", "served.py", env={"PYTHONPATH": str(work / "path")})

    said = skip_message(server, "says")
    assert "exporter" in said
    assert "gauge" not in said
    explains(server, "")
    warning = "Python starts these threads in each process, but forks do not have them: "
    _, _, told = server.server.text.partition(warning)
    assert told.partition(";")[0] == "gauge"


AT_ITS_END = """
import atexit, os, pathlib
from codeserver.processes import STACK_SIGNAL

def end():
    os.kill(os.getpid(), STACK_SIGNAL)
    pathlib.Path("ended").touch()

atexit.register(end)
"""


def test_an_evaluator_that_ends_is_not_asked_for_its_stack(load: Load) -> None:
    """The order may come late: what the code does at its end is not broken off."""
    server = load(Case("", AT_ITS_END, "1", "1").code, "--isolation", "spawn")
    assert skip_message(server, "says") == "1"

    assert not server.reload()

    eventually((server.folder / "ended").exists, what="the end of the code's own work")


TAKEN = """
import atexit, pathlib, socket
SOCKET = socket.socket(socket.AF_UNIX)
SOCKET.bind("\\0NAME")
SOCKET.listen()
atexit.register(pathlib.Path("left").touch)
"""


def test_code_that_loads_only_once(start: Start, work: Path) -> None:
    """It holds a socket: the process that has loaded it evaluates, and hands that to the next."""
    file, lines = work / "served.py", TAKEN.replace("NAME", str(work / "first"))
    file.write_text(Case("", lines, "1", "1").code)
    server = start("-f", "served.py")

    waiting = in_background(lambda: tick(server, "waits", work / "pid"))
    pid = pid_in(work / "pid")
    other = in_background(lambda: skip_message(server, "says"))
    eventually(
        lambda: "another process cannot load" in server.server.text, what="why only one evaluates"
    )
    (work / "pid.go").touch()
    assert other.result(LIMIT) == "1"
    assert waiting.result(LIMIT).skip_message
    assert psutil.Process(pid) == server.only("host")

    # One that hangs is ended, and another one gets the socket.
    with pytest.raises(DagsterUserCodeUnreachableError):
        tick(server, "waits", work / "hangs", deadline=2)
    assert skip_message(server, "says") == "1"

    (work / "left").unlink()
    assert not server.reload()
    assert "its processes are ended, and the code is loaded again" in server.server.text
    assert (work / "left").exists(), "what is registered to happen at the end has not"
    assert skip_message(server, "says") == "1"

    # What is not about the socket ends nothing.
    before, _ = server.only("host"), file.write_text("defs = lock")
    assert "NameError" in server.reload()
    assert server.only("host") == before
    assert skip_message(server, "says") == "1"

    # Somebody else has what the new code wants: it is tried again, and the rest is answered.
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(f"\0{work / 'second'}")
        lines = TAKEN.replace("NAME", str(work / "second"))
        file.write_text(Case("", lines, "2", "2").code)
        assert "Address already in use" in server.reload()
        assert isinstance(tick(server, "says"), SensorExecutionErrorSnap)
        assert "__repository__" in server.client.list_repositories()
    assert eventually(lambda: skip_message(server, "says"), what="an answer again") == "2"
