"""What user code prints: in the log with its origin, and never in anyone's way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.process.conftest import Load, Start
from tests.process.editing import CODE, logs
from tests.process.running import failures, final_status, launch_patient, reasons
from tests.process.serving import (
    LIMIT,
    Server,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually
from tests.support.portable import FORKED


def code_with(tick: str = "", op: str = "") -> str:
    """Code whose sensor `says` and whose run do this first."""
    code = CODE.replace("def says():\n", f"def says():\n    {tick or 'pass'}\n")
    code = code.replace("    context.log.info(", f"    {op or 'pass'}\n    context.log.info(")
    return "import sys\nprint('imported')\n" + code


def start_with(start: Start, work: Path, *options: str, tick: str = "", op: str = "") -> Server:
    (work / "served.py").write_text(code_with(tick, op))
    return start("-f", "served.py", *options)


def run_to_its_end(server: Server, work: Path) -> DagsterRunStatus:
    launched = launch_patient(server, work / "release")
    (work / "release").touch()
    return final_status(launched)


PRINTS = "print('to stdout'); print('to stderr', file=sys.stderr); os.system('echo from a child')"


@FORKED
def test_lines_have_their_origin(load: Load, work: Path) -> None:
    server = load(code_with(tick=PRINTS, op=PRINTS))
    assert skip_message(server, "says") == "first"
    assert run_to_its_end(server, work) is DagsterRunStatus.SUCCESS
    logs(server, "| imported")
    for text in ("to stdout", "to stderr", "from a child"):
        logs(server, f"| {text}", times=2)

    lines = server.server.text.splitlines()
    for text in ("to stdout", "to stderr", "from a child"):
        by_run, told = sorted(line for line in lines if line.endswith(f" | {text}"))
        assert told.startswith("sensor says [")
        assert by_run.startswith("run ")
    assert sum(line.endswith(" | imported") for line in lines) == 1


def test_json_has_an_object_for_every_line(start: Start, work: Path) -> None:
    lines = f"{PRINTS}; os.environ.get('CRASH') or Path('crash').exists() and os.abort()"
    server = start_with(start, work, "--log-format", "json", tick=lines, op="1 / 0")
    assert skip_message(server, "says") == "first"
    assert run_to_its_end(server, work) is DagsterRunStatus.FAILURE
    (work / "crash").touch()
    assert "SIGABRT" in str(tick(server, "says"))
    (work / "served.py").write_text("raise RuntimeError('broken')")
    assert "broken" in server.reload()
    server.server.stop()

    logged = [json.loads(line) for line in server.server.text.splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in logged)
    printed = [line for line in logged if line.get("origin") == "sensor says"]
    assert {(line["event"], line["stream"]) for line in printed} >= {
        ("to stdout", "stdout"),
        ("to stderr", "stderr"),
        ("from a child", "stdout"),
        ("Fatal Python error: Aborted", "stderr"),
    }
    assert any("broken" in line["event"] for line in logged)


FLOOD = "os.write(1, b'x' * 99 + b'\\n'); [print('y' * 1023) for _ in range(100_000)]"


def test_a_tick_that_prints_100_megabytes(load: Load, work: Path) -> None:
    server = load(code_with(tick=FLOOD))

    assert skip_message(server, "says") == "first"

    assert server.id
    # What comes next, if nothing else, has it counted what was dropped.
    (work / "next.go").touch()
    assert skip_message(server, "waits", work / "next") == "first"
    logs(server, "bytes of output were dropped")
    assert len(server.server.text) < 20_000_000


def test_nobody_reads_the_log(home: Path, work: Path) -> None:
    """The pipe of the server's own output is full: everything goes on all the same."""
    lines = "[print('y' * 999) for _ in range(9999)]"
    code = CODE.replace("def says():\n", f"def says():\n    {lines}\n")
    (work / "served.py").write_text(code)
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "codeserver", "grpc", "-f", "served.py", "-s", "s.sock"]
    env = {**os.environ, "DAGSTER_HOME": str(home)}
    front = subprocess.Popen(command, stdout=writer, stderr=writer, cwd=work, env=env)
    os.close(writer)
    try:
        server = Server("ours", home, _Unread(front, work / "s.sock"), None)  # type: ignore[arg-type]
        eventually(lambda: server.client.health_check_query() == "SERVING")
        for _ in range(5):
            assert skip_message(server, "says") == "first"
        assert server.id
        server.processes()
    finally:
        front.terminate()
        front.wait(LIMIT)
        os.close(reader)
    assert front.returncode == 0
    wait_until_gone(server.seen)


class _Unread:
    def __init__(self, process: subprocess.Popen[bytes], socket: Path) -> None:
        self.process = process
        self.socket = socket

    @property
    def client(self) -> object:
        from dagster._grpc.client import DagsterGrpcClient

        return DagsterGrpcClient(socket=str(self.socket))


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_when_the_front_is_killed_all_but_its_runs_end(
    start: Start, work: Path, isolation: str
) -> None:
    """And these print more than a pipe holds, so that a reader must be there."""
    op = "[print('z' * 999) for _ in range(999)]; print('the end of it')"
    server = start_with(start, work, "--isolation", isolation, op=op)
    launched = launch_patient(server, work / "release")
    assert skip_message(server, "says") == "first"
    run = server.only("run")
    others = [process for process in server.processes() if process != run]
    roles = {"host", "evaluator"} if isolation == "fork" else {"host"}
    assert all(server.processes(role) for role in roles | {"forkserver"})

    server.front.kill()
    wait_until_gone(others)
    assert run.is_running()
    (work / "release").touch()

    assert final_status(launched) is DagsterRunStatus.SUCCESS
    assert not failures(launched)
    wait_until_gone([run])
    server.server.stop()
    assert "the end of it" in server.server.text


def test_where_a_tick_hangs_is_in_the_log(load: Load, work: Path) -> None:
    server = load(code_with())
    assert skip_message(server, "says")

    def is_told() -> bool:
        with pytest.raises(Exception, match="timed out"):
            tick(server, "waits", work / "note", deadline=1)
        return "in waits" in server.server.text

    # On a busy machine a second may be over before the sensor is called.
    eventually(is_told, what="the place in the log")
    logs(server, "sensor waits took longer than")


def test_last_words_of_a_run(load: Load, work: Path) -> None:
    server = load(code_with(op="import ctypes; ctypes.string_at(0)"))
    launched = launch_patient(server, work / "release")
    (work / "release").touch()

    assert final_status(launched) is DagsterRunStatus.FAILURE

    (told,) = reasons(launched)
    assert "Fatal Python error: Segmentation fault" in told
    assert "served.py" in told
