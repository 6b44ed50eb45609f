"""A server inside a program: when it is ready, what it says when it is not, and that it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from codeserver import (
    Client,
    CodeServer,
    LoadFailedError,
    NotFoundError,
    ServerExitedError,
    StartupTimeoutError,
    connect,
)
from codeserver.api.v1 import Location
from codeserver.errors import CodeserverError
from tests.process.serving import LIMIT, USER_CODE, name_of
from tests.support.eventually import eventually
from tests.support.processes import leftover_children, open_files

REPO = USER_CODE / "repo.py"
EXAMPLE = Path(__file__).parent.parent.parent / "example_user_code" / "repo.py"
READY = Location.STATE_READY


def check_that_the_lifeline_is_of_the_server_alone(server: CodeServer) -> None:
    """What it starts does not hold it."""
    assert server._server
    front = psutil.Process(server._server.process.pid)
    words = front.cmdline()
    number = words[words.index("--lifeline-fd") + 1]
    lifeline = os.readlink(f"/proc/{front.pid}/fd/{number}")
    children = front.children(recursive=True)
    assert lifeline.startswith("socket:")
    assert "codeserver host" in {name_of(child) for child in children}
    for child in children:
        assert lifeline not in open_files(child.pid), name_of(child)


@pytest.fixture(autouse=True)
def in_a_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home))


@pytest.fixture
def temporary(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which must be empty in the end."""
    monkeypatch.setattr("tempfile.tempdir", str(short_tmp))
    return short_tmp


@pytest.fixture
def nothing_left(temporary: Path) -> Iterator[None]:
    """Fail when a file or process is there afterwards, as soon as the test ends."""
    yield
    assert not list(temporary.iterdir())
    eventually(lambda: not leftover_children(grace=0))


def answers(address: str) -> bool:
    with connect(address, timeout=LIMIT) as client:
        return client.location().state == READY


@pytest.mark.usefixtures("nothing_left")
async def test_a_program_serves_code() -> None:
    """In a running event loop without waiting for it, as blocking code of a notebook does."""
    with CodeServer(python_file=EXAMPLE) as server, server.connect() as client:
        assert server.address.startswith("unix:")
        assert server.location.state == READY
        assert server.location.target.python_file == str(EXAMPLE)
        assert client.location().counts.jobs == 4
        folder = Path(server.address.removeprefix("unix:")).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        check_that_the_lifeline_is_of_the_server_alone(server)
        make_every_call(client)

    server.stop()
    assert "listening on unix:" in server.output
    with pytest.raises(CodeserverError, match="was started already"):
        server.start()


def make_every_call(client: Client) -> None:
    """Against the real server; what exactly it answers is tested elsewhere."""
    jobs = {job.name: job for job in client.jobs("*_job")}
    assert list(jobs) == ["example_job", "pod_per_op_job", "word_of_the_day_job", "words_job"]
    assert [each.key for each in client.assets(groups="words")] == ["word_scores", "words"]
    assert [each.name for each in client.schedules(jobs="example_job")] == ["every_morning"]
    assert [each.name for each in client.sensors("watched*")] == ["watched_file_sensor"]
    assert isinstance(list(client.resources()), list)
    (edge,) = client.job("example_job").graph.edges
    assert (edge.from_node, edge.to_node) == ("multiply_the_word", "count_letters")
    graph = client.asset_graph("group:words")
    assert [(each.from_key, each.to_key) for each in graph.edges] == [("words", "word_scores")]
    config = {"ops": {"multiply_the_word": {"inputs": {"word": "x"}}}}
    assert [step.key for step in client.plan("example_job", run_config=config).steps] == [
        "multiply_the_word",
        "count_letters",
    ]
    assert client.run_config_schema("example_job").json_schema["type"] == "object"
    assert next(client.partitions(job="word_of_the_day_job")) == "2025-01-01"
    page = client.partitions_page(asset="words", page_size=1, reverse=True)
    assert (list(page.keys), page.total_count) == (["german"], 3)
    with contextlib.closing(client.watch()) as states:
        before = next(states).location
        assert client.reload().location.loads == before.loads + 1
    with pytest.raises(NotFoundError, match='"example_job"') as caught:
        client.job("exmple_job")
    assert (caught.value.resource_type, caught.value.resource_name) == ("job", "exmple_job")


def test_one_that_is_not_started() -> None:
    server = CodeServer(python_file=REPO)

    for use in (lambda: server.address, lambda: server.location, server.connect):
        with pytest.raises(CodeserverError, match="is not started"):
            use()
    server.stop()
    assert server.output == ""


@pytest.mark.parametrize(
    ("target", "cwd", "where"),
    [
        ({"python_file": "repo.py"}, USER_CODE, {"host": "127.0.0.1"}),
        (
            {"module_name": "repo", "working_directory": USER_CODE, "attribute": "defs"},
            None,
            {"host": "0.0.0.0", "port": 0},
        ),
        ({}, "project", {}),
    ],
    ids=["file in a folder, host", "module, all interfaces", "pyproject.toml, socket"],
)
@pytest.mark.usefixtures("nothing_left")
def test_targets_and_addresses(
    target: dict[str, Any], cwd: Any, where: dict[str, Any], work: Path, monkeypatch: Any
) -> None:
    """What the environment says about another server does not count."""
    for name in ("GRPC_PORT", "GRPC_SOCKET", "CODE_SERVER_PORT"):
        monkeypatch.setenv(f"DAGSTER_{name}", "1")
    if target:
        monkeypatch.setenv("DAGSTER_PACKAGE_NAME", "another")
    if cwd == "project":
        cwd = work
        (work / "pyproject.toml").write_text('[tool.dagster]\nmodule_name = "repo"')
        (work / "repo.py").write_bytes(REPO.read_bytes())

    with CodeServer(**target, **where, cwd=cwd) as server:
        assert server.location.counts.jobs == 4
        host, _, port = server.address.rpartition(":")
        assert host == ("127.0.0.1" if where else "unix")
        assert int(port) if where else port
        assert answers(server.address)


def test_environment_and_log(work: Path) -> None:
    (work / "repo.py").write_text(
        "import os, dagster as dg\n"
        "print('printed by the code')\n"
        "@dg.job(name=os.environ['JOB_NAME'])\n"
        "def job(): ...\n"
    )
    log = work / "server.log"
    log.write_text("before\n")

    with (
        CodeServer(python_file="repo.py", cwd=work, env={"JOB_NAME": "named"}, log=log) as server,
        server.connect() as client,
    ):
        assert [job.name for job in client.jobs()] == ["named"]

    assert log.read_text().startswith("before\n")
    assert "printed by the code" in log.read_text()
    assert server.output == log.read_text().removeprefix("before\n")


def test_code_that_does_not_load(work: Path, nothing_left: None) -> None:
    (work / "repo.py").write_text("raise RuntimeError('out of\\norder')\n")
    server = CodeServer(python_file="repo.py", cwd=work)

    with pytest.raises(LoadFailedError) as caught:
        server.start()

    assert str(caught.value) == "repo.py does not load: RuntimeError: out of order"
    assert caught.value.load_error.type == "RuntimeError"
    assert 'repo.py", line 1' in caught.value.load_error.text
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == [caught.value.load_error.text]


def test_code_that_need_not_load(work: Path) -> None:
    (work / "repo.py").write_text("raise RuntimeError('out of order')\n")

    with CodeServer(python_file="repo.py", cwd=work, allow_failure=True) as server:
        assert server.location.state == Location.STATE_FAILED
        with server.connect() as client, pytest.raises(LoadFailedError, match="out of order"):
            list(client.jobs())
        (work / "repo.py").write_bytes(REPO.read_bytes())
        with server.connect(timeout=LIMIT) as client:
            assert client.reload().location.counts.jobs == 4


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--no-such-option"], 2, "No such option '--no-such-option'"),
        (["-s", "/nowhere/x.sock"], 1, "there is no folder /nowhere"),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_server_that_ends(options: list[str], code: int, says: str) -> None:
    with pytest.raises(ServerExitedError) as caught:
        CodeServer(python_file=REPO, options=options).start()

    assert caught.value.code == code
    assert says in caught.value.output
    assert f"ended with exit code {code}" in str(caught.value)
    assert says in str(caught.value)


def test_a_server_that_is_killed_while_it_loads(work: Path, nothing_left: None) -> None:
    (work / "repo.py").write_text("import time; time.sleep(600)")
    server = CodeServer(python_file="repo.py", cwd=work)
    killer = threading.Thread(target=kill_when_listening, args=(server,))
    killer.start()

    with pytest.raises(ServerExitedError) as caught:
        server.start()

    killer.join()
    assert caught.value.code == -signal.SIGKILL


def kill_when_listening(server: CodeServer) -> None:
    eventually(lambda: "listening" in server.output)
    assert server._server
    server._server.kill()


@pytest.mark.parametrize("seconds", [0.0, 3.0], ids=["before it listens", "while it loads"])
def test_code_that_takes_too_long(work: Path, nothing_left: None, seconds: float) -> None:
    (work / "repo.py").write_text("import time; time.sleep(600)")

    with pytest.raises(StartupTimeoutError, match="not loaded in time") as caught:
        CodeServer(python_file="repo.py", cwd=work, startup_timeout=seconds).start()

    assert isinstance(caught.value, TimeoutError)


async def test_in_an_event_loop(work: Path, nothing_left: None) -> None:
    """Which goes on meanwhile: the code is loaded only when that has done something."""
    waits = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.01)\n"
    (work / "repo.py").write_text(waits + REPO.read_text())
    async with contextlib.AsyncExitStack() as stack:
        server = CodeServer(python_file="repo.py", cwd=work)
        starting = asyncio.create_task(stack.enter_async_context(server))
        await asyncio.to_thread(eventually, lambda: "listening" in server.output)
        (work / "go").touch()
        async with (await starting).connect_async() as client:
            assert [job.name async for job in client.jobs("s*")] == ["short", "stubborn"]


async def test_cancelled_while_it_loads(work: Path, nothing_left: None) -> None:
    (work / "repo.py").write_text("import time; time.sleep(600)")
    server = CodeServer(python_file="repo.py", cwd=work)
    starting = asyncio.create_task(server.__aenter__())
    await asyncio.to_thread(eventually, lambda: "listening" in server.output)

    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(starting, LIMIT)


@pytest.mark.usefixtures("nothing_left")
def test_two_at_once_from_other_threads() -> None:
    """Each outlives the thread that has started it."""
    servers = [CodeServer(python_file=REPO) for _ in range(2)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(answers(server.address) for server in servers)
    for server in servers:
        server.stop()


PROGRAM = """
import os, sys, time
from codeserver import CodeServer
server = CodeServer(python_file={repo!r}, startup_timeout=120)
server.start()
child = os.fork()
if child == 0:
    server.stop()  # nothing of its own
    if {forks!r}:
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(600)
    os._exit(0)
os.write(1, f"{{server._server.process.pid}} {{server.address}}\\n".encode())
sys.stdin.readline()
{then}
"""


@pytest.mark.parametrize(
    ("then", "number", "forks"),
    [
        ("time.sleep(600)", signal.SIGKILL, True),
        ("time.sleep(600)", signal.SIGINT, True),
        ("pass", None, True),
        ("del server; time.sleep(600)", None, False),
    ],
    ids=[
        "killed, and a fork lives on",
        "interrupted, and a fork lives on",
        "ends, and a fork lives on",
        "forgets it",
    ],
)
def test_gone_with_its_program(then: str, number: int | None, forks: bool, temporary: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(repo=str(REPO), then=then, forks=forks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(program)
        stack.callback(program.kill)
        said = [program.stdout.readline().split() for _ in range(1 + forks)]  # type: ignore[union-attr]
        for pid, *_ in said:
            stack.callback(end, psutil.Process(int(pid)))
        server = next(psutil.Process(int(pid)) for pid, *address in said if address)
        family = [server, *server.children(recursive=True)]
        assert any(name_of(process).startswith("codeserver") for process in family)
        print(file=program.stdin, flush=True)  # not before all are known
        if number is not None:
            program.send_signal(number)
        eventually(lambda: not any(map(name_of, family)), what="the server's end")
    eventually(lambda: not list(temporary.iterdir()), what="an empty folder")


def end(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
