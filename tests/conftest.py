"""What every test must leave behind: no process, no lost exception, no open resource."""

from __future__ import annotations

import asyncio
import compileall
import gc
import inspect
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

import codeserver
from tests.support.portable import refuse_an_empty_proof
from tests.support.processes import adopt_orphans, nothing_left_behind

pytest_plugins = ["tests.support.fixtures"]

TOGETHER = (
    "tests/api/",
    *(
        f"tests/differential/test_{name}.py"
        for name in ("bad_input", "basics", "definitions", "notebook", "partitions", "ticks")
    ),
)
"""Files that share servers with the others of their folder, so one worker has them all."""

LONGEST = (
    *("tests/api/", "tests/acceptance/", "tests/process/test_watch_storm.py"),
    *("tests/fuzz/", "tests/process/test_soak.py", "tests/differential/", "tests/docs/"),
)
"""What is begun first, or one worker would be at it when the others have nothing left to do."""


def pytest_configure(config: pytest.Config) -> None:
    # Orphaned grandchildren are handed to this process, so a leak cannot hide behind a dead parent.
    adopt_orphans()
    # A shell that starts this in the background ignores SIGINT, and every program started from
    # here would inherit that. Stock's servers then ignore SIGTERM, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # likewise, under `nohup`
    if not hasattr(config, "workerinput"):
        refuse_an_empty_proof()
        # As pip does for what it installs. Else each process that tests start would compile the
        # package, where the environment says that Python writes no bytecode.
        compileall.compile_dir(Path(codeserver.__file__).parent, quiet=2)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores: most tests wait for processes most of the time."""
    return (os.cpu_count() or 1) + 2


class _Scheduling(LoadFileScheduling):
    """A worker gets a file at a time, or all files that share servers."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return file.rpartition("/")[0] if file.startswith(TOGETHER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling | None:
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, each in enumerate(LONGEST) if item.nodeid.startswith(each)), 99)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    # What was imported stays; to look through it for garbage would take longer than most tests.
    gc.freeze()


@pytest.fixture(autouse=True)
def no_process_left_behind() -> Iterator[None]:
    with nothing_left_behind():
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run ``async def`` tests; an exception that nobody awaited fails the test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    lost: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        await pyfuncitem.obj(**arguments)
        left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        assert not left, f"tasks left running: {left}"

    gc.freeze()  # likewise, what earlier tests have made
    asyncio.run(run())
    gc.collect()
    assert not lost, f"lost asyncio exceptions: {lost}"
    return True
