"""What user code may do to the process that loads it, and still be served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._grpc.types import ListRepositoriesResponse

from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.running import final_status, launch_patient
from tests.process.serving import (
    USER_CODE,
    Server,
    pid_in,
    serve,
    skip_message,
    wait_until_gone,
)
from tests.support.eventually import eventually

GOOD = (USER_CODE / "edition.py").read_text()

MEDDLING = {
    "signals": """
import signal, socket
for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
PAIR = socket.socketpair()
PAIR[1].setblocking(False)
signal.set_wakeup_fd(PAIR[1].fileno())
""",
    "timeout of sockets": "import socket; socket.setdefaulttimeout(0.001)",
    "threads": """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
threading.Thread(target=threading.Event().wait).start()
""",
    "raises at exit": "import atexit; atexit.register(lambda: 1 / 0)",
    "closed stdout": "import sys; print('x' * 1_000_000); sys.stdout.close()",
    "no stdout": "import sys; sys.stdout = None",
    "event loop": "import asyncio; asyncio.run(asyncio.sleep(0))",
    "lost child": "os.fork() or os._exit(0)",
    "other folder": "import os; os.chdir('/')",
}


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("user_code")
    (folder / "served.py").write_text(GOOD)
    # An absolute path, because one of the tests has the code change the folder.
    file = str(folder / "served.py")
    with serve(home, home / "user_code.sock", "-f", file, cwd=folder) as server:
        yield server


def load(server: Server, code: str) -> None:
    """Load this code, and wait until what was loaded before is gone."""
    assert server.server.cwd
    (server.server.cwd / "served.py").write_text(code)
    assert not server.reload()
    eventually(lambda: len(server.processes("host")) == 1, what="the old host to be gone")


def with_lines(lines: str) -> str:
    """The good code with these lines in it."""
    beginning, end = GOOD.split("defs = ")
    return f"{beginning}{lines}\ndefs = {end}"


@pytest.mark.parametrize("lines", MEDDLING.values(), ids=MEDDLING)
def test_it_is_served(shared: Server, work: Path, lines: str) -> None:
    load(shared, with_lines(lines))

    assert [skip_message(shared, "says") for _ in range(3)] == ["first"] * 3
    launched = launch_patient(shared, work / "release")
    process = shared.only("run")
    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    wait_until_gone([process])


def test_a_temporary_folder_of_the_module_lasts_as_long_as_its_host(
    shared: Server, work: Path
) -> None:
    code = with_lines("import tempfile; FOLDER = tempfile.TemporaryDirectory()")
    load(shared, code.replace("(EDITION)", "(str(Path(FOLDER.name).is_dir()))"))

    assert skip_message(shared, "says") == "True"
    launched = launch_patient(shared, work / "release")
    (work / "release").touch()
    launched.wait_until_finished()
    assert skip_message(shared, "says") == "True"


def test_a_process_that_the_module_starts_ends_with_its_host(shared: Server, work: Path) -> None:
    note = work / "child"
    lines = f"""
import subprocess
CHILD = subprocess.Popen(["sleep", "600"])
Path({str(note)!r}).write_text(str(CHILD.pid))
"""
    load(shared, with_lines(lines))
    child = psutil.Process(pid_in(note))

    load(shared, GOOD)

    wait_until_gone([child])


def test_code_that_needs_no_instance_loads_without_its_database(start: Start, work: Path) -> None:
    """Nothing but runs, ticks and components of whose state there are versions would ask it."""
    home = work / "home"
    home.mkdir()
    postgres = "{postgres_url: 'postgresql://nobody@127.0.0.1:1/none'}"
    (home / "dagster.yaml").write_text(f"storage: {{postgres: {postgres}}}\n")
    server = start("-f", "repo.py", cwd=USER_CODE, env={"DAGSTER_HOME": str(home)})
    assert isinstance(value(server.client.list_repositories()), ListRepositoriesResponse)
    assert not server.reload()
