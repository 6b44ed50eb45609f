"""Servers of the typed API: one for each file of definitions that a module asks for."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.api.calling", "tests.api.comparing")

from tests.api.calling import Api, file_of, serving  # noqa: E402
from tests.support.processes import nothing_left_behind  # noqa: E402

Serve = Callable[..., Api]

_DAGSTER_YAML = "telemetry:\n  enabled: false\n"


@pytest.fixture(autouse=True, scope="package")
def no_process_left_behind() -> Iterator[None]:
    """As for all tests, but once for all of these, because they share servers."""
    with nothing_left_behind():
        yield


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    """The DAGSTER_HOME of all servers; its path is short enough for unix sockets below it."""
    path = Path(tempfile.mkdtemp(prefix="api-"))
    (path / "dagster.yaml").write_text(_DAGSTER_YAML)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="package")
def serve(home: Path) -> Iterator[Serve]:
    """Serves a file, or the definitions of this name, or `example`, until all tests have ended.

    Whoever asks for the same again gets the same server.
    """
    running: dict[Any, Api] = {}
    with ExitStack() as stack:

        def begin(what: str | Path, *options: str, **more: Any) -> Api:
            key = (what, options, repr(more))
            if key not in running:
                file = what if isinstance(what, Path) else file_of(what)
                socket = home / f"{len(running)}.sock"
                api = serving(file, socket, *options, home=home, **more)
                running[key] = stack.enter_context(api)
            return running[key]

        yield begin


@pytest.fixture
def start(home: Path, short_tmp: Path) -> Iterator[Serve]:
    """Starts servers, of a file or of options, that are stopped when the test ends."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def begin(target: Any, *options: str, **more: Any) -> Api:
            socket = short_tmp / f"{next(numbers)}.sock"
            return stack.enter_context(serving(target, socket, *options, home=home, **more))

        yield begin
