"""Every harm that user code does, in every place where it runs: one request fails, no more."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from codeserver.system.memory import LIMITS_GROWTH
from tests.process.fault_places import HANGING, LATE, LOAD_SECONDS, OUTCOMES, PLACES
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    name_of,
    serve,
    skip_message,
)
from tests.support.eventually import eventually
from tests.support.portable import fault_marks

SECONDS = 1.0
"""What a request may take whose code hangs."""
TRIES = 10


@pytest.fixture(scope="module")
def location(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("faults")
    shutil.copy(USER_CODE / "faults.py", folder)
    options = [
        *("-f", str(folder / "faults.py"), "--max-workers", "2"),
        *("--startup-timeout", f"{LOAD_SECONDS:g}"),
        *(("--worker-memory-limit", "200MiB") if LIMITS_GROWTH else ()),
    ]
    with serve(home, home / "faults.sock", *options, cwd=folder) as server:
        yield server


@pytest.fixture
def begun(location: Server) -> Iterator[Path]:
    """The file that says that the deed is being done."""
    assert location.server.cwd
    yield location.server.cwd / "begun"
    for name in ("fault", "begun", "child"):
        (location.server.cwd / name).unlink(missing_ok=True)


SOME = ("raises", "segfaults", "hangs")
DEEDS = {
    "tick": tuple(OUTCOMES),
    "run": tuple(OUTCOMES),
    "load": (*SOME, "sys_exits", "exits", "allocates", "closes_everything"),
}
"""What is done in each place; other places are in the same kind of process as a tick."""

FAULTS = [
    pytest.param(place, deed, id=f"{place}-{deed}", marks=fault_marks(deed))
    for place in PLACES
    for deed in DEEDS.get(place, SOME)
]


@pytest.mark.parametrize(("place", "deed"), FAULTS)
def test_a_fault_is_one_failed_request(
    location: Server, begun: Path, place: str, deed: str
) -> None:
    before = well(location, begun, place)
    begun.with_name("fault").write_text(f"{place} {deed}")

    outcome = in_background(lambda: in_time(location, begun, place, deed))
    eventually(begun.exists, what="the fault")
    check_control(location)
    assert skip_message(location, "bystander") == "fine"

    expected = PLACES[place].outcomes.get(deed, OUTCOMES[deed])
    assert re.search(expected, outcome.result(LIMIT))
    begun.with_name("fault").unlink()
    end_child_of_run(begun, place)
    assert in_time(location, begun, place) == before
    check_control(location)
    eventually(lambda: strangers(location) == [], what="no process too many")


_WELL: dict[str, str] = {}


def well(location: Server, begun: Path, place: str) -> str:
    """What comes of it when no harm is done."""
    if place not in _WELL:
        _WELL[place] = in_time(location, begun, place)
    return _WELL[place]


def in_time(location: Server, begun: Path, place: str, deed: str = "") -> str:
    """What comes of it, and of the deed that is done there.

    It is tried again when a busy machine was late: with the end of what does not hang, or with the
    begin of what does.
    """
    hangs = deed in HANGING
    for _ in range(TRIES):
        outcome = PLACES[place].use(location, begun, SECONDS if hangs else LIMIT)
        if outcome != LATE or (hangs and begun.exists()):
            return outcome
    raise AssertionError(f"late {TRIES} times")


def check_control(server: Server) -> None:
    """Whatever user code does, these are answered: what hangs would keep them much longer."""
    assert server.client.get_server_id(timeout=LIMIT)
    assert server.client.ping("there")["echo"] == "there"
    assert "defs" in server.client.list_repositories()
    health = health_pb2_grpc.HealthStub(server.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT).status == serving


def end_child_of_run(begun: Path, place: str) -> None:
    """What a run has started goes on, as it does with stock; not so with the others."""
    child = begun.with_name("child")
    if place == "run" and child.exists():
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(int(child.read_text())).kill()


def strangers(server: Server) -> list[str]:
    """Processes beside the forkserver, one host, evaluators, and what hosts are forked from."""
    descendants = psutil.Process(server.front.pid).children(recursive=True)
    names = [name_of(process) or "zombie" for process in descendants if process.is_running()]
    for expected in ("codeserver forkserver"[:15], "codeserver template"[:15], "codeserver host"):
        if expected in names:
            names.remove(expected)
    return [name for name in names if name != "codeserver eval"]
