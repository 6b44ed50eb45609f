"""Errors that say that something is taken, and loads that may work once it is not."""

from __future__ import annotations

import errno
import fcntl
import socket
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from codeserver.messages import Loaded
from codeserver.supervisor.evaluating.pool import Pool
from codeserver.supervisor.generation import Generation, handed_over
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host, LoadFailed
from codeserver.worker.loading.taken import is_for_what_is_taken


def port(_: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_server(server.getsockname())


def lock_of_a_file(path: Path) -> None:
    with path.open("w") as first, path.open() as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sqlite(path: Path) -> None:
    first, second = (sqlite3.connect(path, timeout=0) for _ in range(2))
    try:
        first.execute("begin exclusive")
        second.execute("begin exclusive")
    finally:
        first.close()
        second.close()


def wrapped(path: Path) -> None:
    try:
        port(path)
    except OSError as error:
        raise ValueError("no metrics") from error


def in_words(_: Path) -> None:
    raise RuntimeError("Can't listen for client connections: [Errno 98] Address already in use")


def _error_of(work: Callable[[], None]) -> Exception | None:
    try:
        work()
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("fail", [port, lock_of_a_file, sqlite, wrapped, in_words])
def test_something_is_taken(fail: Callable[[Path], None], tmp_path: Path) -> None:
    error = _error_of(lambda: fail(tmp_path / "file"))
    assert is_for_what_is_taken(error)


@pytest.mark.parametrize(
    "error",
    [
        SyntaxError("invalid syntax: lock"),
        NameError("name 'lock' is not defined"),
        ImportError("cannot import name 'locked'"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "lock"),
        ValueError("a block is missing"),
        None,
    ],
    ids=repr,
)
def test_nothing_is_taken(error: BaseException | None) -> None:
    assert not is_for_what_is_taken(error)


TAKEN = LoadFailure(b"", "OSError: taken", "", is_for_what_is_taken=True)
MISTAKE = LoadFailure(b"", "SyntaxError", "")


def generation(reasons: Sequence[str] = ("a socket listens",), runs: int = 0) -> Generation:
    ended = SimpleNamespace(done=lambda: False)
    host = SimpleNamespace(report=Loaded(reasons=reasons), runs=[None] * runs, ended=ended)
    return Generation(1, cast(Host, host), cast(Pool, None), cast(Any, None), 0.0)


@pytest.mark.parametrize(
    ("failure", "served", "is_given_up"),
    [
        pytest.param(TAKEN, generation(), True, id="taken"),
        pytest.param(MISTAKE, generation(), False, id="a mistake"),
        pytest.param(TAKEN, generation(reasons=()), False, id="that holds nothing"),
        pytest.param(TAKEN, generation(runs=1), False, id="that a run holds, too"),
        pytest.param(TAKEN, None, False, id="when nothing is served"),
    ],
)
async def test_what_is_served_is_given_up(
    failure: LoadFailure, served: Generation | None, is_given_up: bool
) -> None:
    given_up: list[Generation] = []

    async def load() -> Host:
        if given_up:
            return cast(Host, "host")
        raise LoadFailed(failure)

    async def give_up(generation: Generation) -> None:
        given_up.append(generation)

    if is_given_up:
        assert cast(str, await handed_over(load, served, give_up)) == "host"
    else:
        with pytest.raises(LoadFailed):
            await handed_over(load, served, give_up)
    assert given_up == ([served] if is_given_up else [])
