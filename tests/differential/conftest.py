"""The servers live as long as a module or this folder's tests, and so does the check for leaks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.differential.cases", "tests.differential.differences")

from tests.differential.sides import Pair, serving  # noqa: E402
from tests.support.processes import nothing_left_behind  # noqa: E402


@pytest.fixture(autouse=True)
def no_process_left_behind() -> None:
    """Not per test here: the servers outlive it, and may start helpers when they like."""


@pytest.fixture(scope="package", autouse=True)
def no_server_left_behind() -> Iterator[None]:
    with nothing_left_behind():
        yield


@pytest.fixture(scope="module")
def work(no_server_left_behind: None) -> Iterator[Path]:
    """A folder for a module's files, short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="dif-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def pair(repo_pair: Pair) -> Pair:
    """The servers that a test compares; modules that need others define this anew."""
    return repo_pair


@pytest.fixture(scope="package")
def repo_pair(no_server_left_behind: None) -> Iterator[Pair]:
    """Both servers on `repo.py`; shared, so leave nothing behind in them."""
    path = Path(tempfile.mkdtemp(prefix="dif-"))
    with serving(["-f", "repo.py"], path) as both:
        yield both
    shutil.rmtree(path, ignore_errors=True)
