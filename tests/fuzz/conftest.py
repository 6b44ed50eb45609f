"""The fixtures of tests with real servers, and the check that these leave no process behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.process.serving", "tests.fuzz.harmed")

from tests.process.conftest import home, no_process_left_behind  # noqa: E402

__all__ = ["home", "no_process_left_behind"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """For the files of a module; its path is short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-"))
    yield path
    shutil.rmtree(path)
