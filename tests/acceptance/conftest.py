"""Deployments made of Dagster's own, unmodified programs around the code server under test.

``CODESERVER_TEST_SERVER=stock-api`` or ``stock-code-server`` in the environment runs these tests
against Dagster's servers instead, to see whether a failure is ours. Tests of what the stock
servers can not do are then expected to fail.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import nothing_left_behind
from tests.support.reports import pytest_runtest_makereport  # noqa: F401
from tests.support.servers import OURS, STOCK_API_GRPC, STOCK_CODE_SERVER, ServerProcess

UNDER_TEST = os.environ.get("CODESERVER_TEST_SERVER", "ours")
CODE_SERVER = {
    "ours": OURS,
    "stock-api": STOCK_API_GRPC,
    "stock-code-server": STOCK_CODE_SERVER,
}[UNDER_TEST]

USER_CODE = Path(__file__).parent.parent / "user_code"

StartServer = Callable[..., ServerProcess]


@pytest.fixture(autouse=True, scope="module")
def no_process_left_behind() -> Iterator[None]:
    """As for all tests, but per module: a deployment serves all tests of its module."""
    with nothing_left_behind():
        yield


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder for DAGSTER_HOME and sockets, whose path is short enough for the latter."""
    path = Path(tempfile.mkdtemp(prefix="dagster-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def code_server(home: Path) -> StartServer:
    """Describes a code server of the kind under test for a file of definitions."""

    def describe(file: Path, *options: str) -> ServerProcess:
        return ServerProcess(
            [*CODE_SERVER, "-f", str(file), *options],
            home / f"{file.stem}.sock",
            env={"DAGSTER_HOME": str(home)},
        )

    return describe
