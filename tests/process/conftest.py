"""Servers of a test or of a module, and the check that they leave no process behind."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

pytest.register_assert_rewrite("tests.process.serving")

from tests.process.editing import replace  # noqa: E402
from tests.process.serving import USER_CODE, Server, serve  # noqa: E402
from tests.support.portable import ask_for_forks, isolation  # noqa: E402
from tests.support.processes import nothing_left_behind  # noqa: E402

Start = Callable[..., Server]
Load = Callable[..., Server]

# Compute logs would give every run four more processes, which are Dagster's affair.
DAGSTER_YAML = """
telemetry:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    ask_for_forks(item)


@pytest.fixture(autouse=True, scope="module")
def no_process_left_behind() -> Iterator[None]:
    """As for all tests, but per module: some servers serve all tests of their module."""
    with nothing_left_behind():
        yield


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    """The DAGSTER_HOME of all servers, with its tables."""
    path = Path(tempfile.mkdtemp(prefix="proc-"))
    (path / "dagster.yaml").write_text(DAGSTER_YAML)
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(path))) as instance:
        instance.get_runs_count()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder for a test's files, whose path is short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="proc-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(home: Path, work: Path) -> Iterator[Start]:
    """Starts servers that are stopped when the test ends."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def begin(
            *options: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
        ) -> Server:
            socket = work / f"{next(numbers)}.sock"
            server = serve(home, socket, *options, cwd=cwd or work, env=env)
            return stack.enter_context(server)

        yield begin


@pytest.fixture(scope="module")
def load(home: Path, request: pytest.FixtureRequest) -> Iterator[Load]:
    """Has code loaded, by a server that the tests of a module share if they give the same options.

    What a test has the code leave behind must not be in the way of the next one.
    """
    servers: dict[tuple[str | None, ...], Server] = {}
    module = request.module.__name__.rpartition(".")[2]
    with ExitStack() as stack:

        def have(code: str, *options: str) -> Server:
            key = (isolation(), *options)
            if key in servers:
                server = servers[key]
                replace(server.folder / "served.py", code)
                assert not server.reload()
                return server
            folder = Path(tempfile.mkdtemp(prefix="proc-"))
            stack.callback(shutil.rmtree, folder)
            (folder / "served.py").write_text(code)
            socket = home / f"{module}-{len(servers)}.sock"
            server = serve(home, socket, "-f", "served.py", *options, cwd=folder)
            servers[key] = stack.enter_context(server)
            return servers[key]

        yield have


@pytest.fixture(scope="module")
def example(home: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of `repo.py` for the tests of a module that do it no harm."""
    socket = home / f"{request.module.__name__.rpartition('.')[2]}.sock"
    options = ["-f", "repo.py", "--max-workers", "1"]
    with serve(home, socket, *options, cwd=USER_CODE) as server:
        server.client.list_repositories()
        yield server
