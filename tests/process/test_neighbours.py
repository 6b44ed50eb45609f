"""One location does every harm beside another one, which goes on as if it were alone."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from grpc_health.v1 import health_pb2, health_pb2_grpc

from codeserver.system.memory import LIMITS_GROWTH
from tests.differential.running import current_runs, launch
from tests.process.fault_places import HANGING, LOAD_SECONDS, PLACES
from tests.process.running import final_status
from tests.process.serving import LIMIT, USER_CODE, Server, name_of, skip_message
from tests.process.several import READY, Several, serve_several
from tests.support.eventually import eventually
from tests.support.portable import fault_marks

SECONDS = 1.0
"""What a tick may take whose code hangs."""
WELL = re.compile(r"[^ ]+ \d+ None")
"""The answer of a tick that does no harm."""
BURNT = 6
"""Ticks at a time, which is more than there are evaluators."""

FAULTS = [
    *(
        ("load", deed)
        for deed in (
            *("segfaults", "hangs", "burns", "exits", "allocates", "closes_everything"),
            *("prints_without_end", "kills_its_parent", "stops_its_parent", "leaves_a_child"),
        )
    ),
    *(
        ("tick", deed)
        for deed in (
            *("exits", "hangs_in_c", "burns", "ignores_sigterm", "prints_without_end"),
            *("allocates", "kills_its_parent", "stops_its_parent", "closes_everything"),
            "leaves_a_child",
        )
    ),
]


@pytest.fixture(scope="module")
def several(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    folder = home / "neighbours"
    folder.mkdir()
    bad = tmp_path_factory.mktemp("bad")
    shutil.copy(USER_CODE / "faults.py", bad)
    entries = {
        "good": {"python_file": USER_CODE / "repo.py"},
        "bad": {
            "python_file": bad / "faults.py",
            "working_directory": bad,
            "max_workers": 2,
            "startup_timeout": LOAD_SECONDS,
            **({"worker_memory_limit": "200MiB"} if LIMITS_GROWTH else {}),
        },
    }
    with serve_several(home, folder, entries, "--max-workers", "4") as server:
        server.ready("good", "bad")
        yield server


@dataclass
class Bad:
    """The location that does harm, which is begun again and again until it is over."""

    server: Server
    place: str
    deed: str
    folder: Path

    def __enter__(self) -> Bad:
        self._over = threading.Event()
        for name in ("begun", "child"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "fault").write_text(f"{self.place} {self.deed}")
        number = 1 if self.place == "load" else BURNT
        self._threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(number)]
        for each in self._threads:
            each.start()
        eventually((self.folder / "begun").exists, what="the harm")
        return self

    def __exit__(self, *_: object) -> None:
        (self.folder / "fault").unlink()
        self._over.set()
        for each in self._threads:
            each.join(LIMIT)

    def _go_on(self) -> None:
        while not self._over.is_set():
            try:
                seconds = SECONDS if self.deed in HANGING else LIMIT
                PLACES[self.place].use(self.server, self.folder / "begun", seconds)
            except Exception:
                pass


def uses(good: Server) -> None:
    """Every kind of use of the location that does no harm."""
    before = good.id
    assert "repo" in good.client.list_repositories()
    assert skip_message(good).startswith("pid ")
    launched = launch(good, "short")
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    eventually(lambda: launched.run_id not in current_runs(good))
    assert good.id == before


@pytest.mark.parametrize(
    ("place", "deed"), [pytest.param(*fault, marks=fault_marks(fault[1])) for fault in FAULTS]
)
def test_the_other_location_goes_on(several: Several, place: str, deed: str) -> None:
    good, bad = several.location("good"), several.location("bad")
    folder = Path(str(several.entries["bad"]["working_directory"]))
    before = several.told("good")

    with Bad(bad, place, deed, folder):
        for _ in range(2):
            uses(good)
        assert several.told("bad").name == "bad"
        assert "bad" in several.names()
        assert serving(several.whole)

    after = several.told("good")
    assert (after.generation, after.loads, after.server_id) == (1, 1, before.server_id)
    eventually(lambda: recovers(several, folder), what="the end of the harm")
    eventually(lambda: strangers(several) == [], what="no process too many")


def serving(server: Server) -> bool:
    health = health_pb2_grpc.HealthStub(server.channel)
    found = health.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT).status
    return bool(found == health_pb2.HealthCheckResponse.SERVING)


def recovers(several: Several, folder: Path) -> bool:
    """Whether the code that does no harm any more is served, after a load of it."""
    bad = several.location("bad")
    PLACES["load"].use(bad, folder, LIMIT)
    tick = PLACES["tick"].use(bad, folder, LIMIT)
    return several.told("bad").state == READY and WELL.fullmatch(tick) is not None


def strangers(several: Several) -> list[str]:
    """Processes beside the base, and a forkserver, a host and a template for each location."""

    descendants = psutil.Process(several.whole.front.pid).children(recursive=True)
    names = [name_of(process) or "zombie" for process in descendants if process.is_running()]
    for expected in ("forkserver", "forkserver", "forkserver", "host", "host"):
        if f"codeserver {expected}"[:15] in names:
            names.remove(f"codeserver {expected}"[:15])
    return [name for name in names if name not in ("codeserver eval", "codeserver temp")]
