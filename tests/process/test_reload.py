"""ReloadCode: the new code when it loads, the old code when it does not, and nobody disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value

from tests.differential.calls import origin
from tests.differential.sides import USER_CODE as LARGE_CODE
from tests.process.conftest import Start
from tests.process.editing import (
    BROKEN,
    CODE,
    edition,
    edition_by,
    ended_loads,
    replace,
    says,
)
from tests.process.running import launch_patient, messages
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    Server,
    in_background,
    pid_in,
    serve,
    skip_message,
)
from tests.support.dagster_names import SerializableErrorInfo
from tests.support.eventually import eventually
from tests.support.portable import FORKED

pytestmark = FORKED

SERVED = ("-f", "served.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reload")


@pytest.fixture(scope="module")
def shared(home: Path, folder: Path) -> Iterator[Server]:
    replace(folder / "served.py", CODE)
    options = (*SERVED, "--enable-metrics")
    with serve(home, home / "reload.sock", *options, cwd=folder) as server:
        yield server


@pytest.fixture
def server(shared: Server, file: Path) -> Server:
    """A server of the first edition, whatever earlier tests did."""
    replace(file, CODE)
    assert not shared.reload()
    assert says(shared) == "first"
    return shared


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "served.py"


def told(server: Server) -> tuple[str, str]:
    return server.id, server.client.list_repositories()


def wait_for_one_host(server: Server) -> None:
    eventually(lambda: len(server.processes("host")) == 1, what="the old host to be gone")


def test_a_reload_that_fails_keeps_the_code(server: Server, file: Path) -> None:
    """By default; those that are shown are in test_load_errors."""
    before = told(server)
    replace(file, BROKEN)

    error = deserialize_value(server.reload(), SerializableErrorInfo)

    assert "the user made a mistake" in error.to_string()
    assert told(server) == before
    assert says(server) == "first"
    assert server.client.health_check_query() == "SERVING"
    wait_for_one_host(server)
    replace(file, edition("repaired"))
    assert not server.reload()
    assert says(server) == "repaired"
    assert server.id != before[0]


def test_the_code_stays_when_nothing_needs_it(server: Server) -> None:
    """It is unloaded only with `--idle-unload`, which is in test_idle."""
    wait_for_one_host(server)
    host = server.only("host")
    for _ in range(500):
        assert server.id
    assert server.only("host") == host


def test_edits_within_a_second_that_keep_the_size_are_seen(server: Server, file: Path) -> None:
    for name in ("one", "two", "six", "ten"):
        replace(file, edition(name))
        assert not server.reload()
        assert says(server) == name


def test_edits_of_a_module_that_the_file_imports_are_seen(server: Server, file: Path) -> None:
    replace(file, edition_by("from sibling import EDITION"))
    for name in ("one", "two", "six"):
        replace(file.with_name("sibling.py"), f'EDITION = "{name}"\n')
        assert not server.reload()
        assert says(server) == name


def test_new_modules_and_packages_beside_the_file_are_found(server: Server, file: Path) -> None:
    file.with_name("new_module.py").write_text('EDITION = "of a module"\n')
    replace(file, edition_by("from new_module import EDITION"))
    assert not server.reload()
    assert says(server) == "of a module"

    package = file.with_name("new_package")
    (package / "inner").mkdir(parents=True)
    (package / "inner" / "__init__.py").write_text('EDITION = "of a package"\n')
    replace(file, edition_by("from new_package.inner import EDITION"))
    assert not server.reload()
    assert says(server) == "of a package"


def test_reloads_at_the_same_time_all_see_the_last_content(server: Server, file: Path) -> None:
    def change_and_reload(number: int) -> str:
        replace(file.with_name(f"content-{number}"), edition(f"edition {number}"))
        file.with_name(f"content-{number}").replace(file)
        return server.reload()

    loads = ended_loads(server)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(change_and_reload, range(8)))

    assert answers == [""] * 8
    assert f'"{says(server)}"' in file.read_text()
    # Those that came during a load share the next one.
    wait_for_one_host(server)
    assert ended_loads(server) - loads <= 8


def test_a_tick_finishes_on_the_code_it_began_with(server: Server, file: Path, work: Path) -> None:
    note = work / "tick"
    began_before = in_background(lambda: skip_message(server, "waits", note))
    pid_in(note)
    replace(file, edition("second"))

    assert not server.reload()

    assert says(server) == "second"
    assert not began_before.done()
    note.with_suffix(".go").touch()
    assert began_before.result(LIMIT) == "first"
    wait_for_one_host(server)


def test_a_run_goes_on_through_a_reload(server: Server, file: Path, work: Path) -> None:
    launched = launch_patient(server, work / "release")
    process = server.only("run")
    replace(file, edition("second"))

    assert not server.reload()

    assert says(server) == "second"
    assert process.is_running()
    eventually(lambda: len(server.processes("host")) == 2, what="no host but those in use")
    (work / "release").touch()
    launched.wait_until_finished()
    assert launched.run.status is DagsterRunStatus.SUCCESS
    logged = messages(launched)
    assert "edition: first" in logged
    wait_for_one_host(server)


def test_reloads_leave_no_processes(server: Server) -> None:
    for _ in range(3):
        assert not server.reload()

    def left() -> list[str]:
        return [process.name() for process in psutil.Process(server.front.pid).children(True)]

    # Zombies would count, too.
    eventually(lambda: len(left()) == 2, what="a forkserver and a host")


def test_the_id_stays_without_a_change_and_never_returns_with_one(
    server: Server, file: Path
) -> None:
    first = server.id
    assert not server.reload()
    assert server.id == first

    replace(file, edition("second"))
    assert not server.reload()
    second = server.id
    assert second != first

    replace(file, CODE)
    assert not server.reload()
    # The webserver asks once a second: had the first id returned, it would miss both changes.
    assert server.id not in (first, second)


def test_a_fixed_id_holds_until_the_code_changes(start: Start, work: Path) -> None:
    file = work / "served.py"
    replace(file, CODE)
    server = start(*SERVED, "--fixed-server-id", "X")
    assert server.id == "X"
    assert not server.reload()
    assert server.id == "X"

    replace(file, edition("second"))
    assert not server.reload()

    assert server.id.startswith("X-")


def test_replicas_have_equal_ids(start: Start) -> None:
    one, other = (
        start("-f", "repo.py", cwd=LARGE_CODE, env={"PYTHONHASHSEED": seed}) for seed in "12"
    )

    assert one.id == other.id
    assert one.client.list_repositories() == other.client.list_repositories()


def test_replicas_have_equal_ids_when_dagster_describes_sets(start: Start) -> None:
    one, other = (start("-f", "sets.py", cwd=USER_CODE) for _ in range(2))

    assert one.id == other.id
    assert job_snapshots(one) == job_snapshots(other) != {}
    # The seed that the processes share is none of user code's business.
    assert skip_message(one, "environment") == "None 1"


def job_snapshots(server: Server) -> dict[str, str]:
    described = server.client.external_repository(origin(), defer_snapshots=True)
    repository = deserialize_value(described, RepositorySnap)
    return {ref.name: ref.snapshot_id for ref in repository.get_job_refs()}
