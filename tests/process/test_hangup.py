"""SIGHUP: the code is loaded again, unless the terminal of the server is gone."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.process.editing import CODE, edition, ended_loads, logs, replace, says, shows
from tests.process.serving import LIMIT, serve, skip_message
from tests.support.eventually import eventually
from tests.support.servers import OURS

SERVED = ("-f", "served.py", "--enable-metrics")


@pytest.fixture
def file(work: Path) -> Path:
    (work / "served.py").write_text(CODE)
    return work / "served.py"


def test_the_code_is_loaded_again_unless_the_server_shuts_down(start: Start, file: Path) -> None:
    server = start(*SERVED, "--drain-delay", "600")
    assert says(server) == "first"
    replace(file, edition("second"))

    server.front.send_signal(signal.SIGHUP)

    shows(server, "second")
    logs(server, "SIGHUP: loading the code again")

    server.front.terminate()
    eventually(lambda: server.client.health_check_query() == "NOT_SERVING")

    server.front.send_signal(signal.SIGHUP)
    server.front.terminate()

    assert server.wait_for_exit() == 0
    assert server.server.text.count("SIGHUP") == 1


def test_nohup_is_obeyed(home: Path, work: Path, file: Path) -> None:
    with serve(home, work / "s", *SERVED, cwd=work, command=("nohup", *OURS)) as server:
        assert says(server) == "first"

        server.front.send_signal(signal.SIGHUP)

        assert not server.reload()
        assert ended_loads(server) == 2
        assert skip_message(server, "says") == "first"


@contextlib.contextmanager
def in_terminal(
    *command: str, cwd: Path, log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command that has a terminal; gives the other end of that, too."""
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack, log.open("wb") as output:
        stack.callback(os.close, theirs)
        process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=theirs, stdout=output, stderr=output, cwd=cwd
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        yield process, ours


def test_a_terminal_that_is_closed_ends_the_server(work: Path, file: Path) -> None:
    log = work / "log"
    with in_terminal(*OURS, *SERVED, "-s", "s", cwd=work, log=log) as (process, terminal):
        eventually(lambda: "listening on" in log.read_text(), what="a server")

        os.close(terminal)

        assert process.wait(LIMIT) == 0
    assert "SIGHUP" not in log.read_text()
