"""GetLocation: how the location is, in every state."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import pytest

from codeserver.api import v1
from tests.api.calling import EXAMPLE, USER_CODE, Api
from tests.api.conftest import Serve
from tests.api.watching import Watch


@pytest.fixture(scope="module")
def example(serve: Serve) -> Api:
    return serve("example")


def test_what_is_loaded_and_served(example: Api) -> None:
    location = example.loaded()

    assert location.name == str(EXAMPLE)
    assert location.target.python_file == str(EXAMPLE)
    assert location.target.working_directory in ("", str(EXAMPLE.parent))
    assert location.state == v1.Location.STATE_READY
    assert (location.generation, location.loads, location.failed_loads) == (1, 1, 0)
    assert location.counts == v1.Counts(jobs=4, assets=4, schedules=1, sensors=1)
    assert list(location.repositories) == ["__repository__"]
    assert location.isolation == v1.Isolation(mode=v1.Isolation.MODE_FORK)
    assert location.runs == v1.Runs(mode=v1.Runs.MODE_WARM, reasons=["warm was asked for"])
    assert location.server_id
    assert not location.HasField("load_error")
    assert not location.watches_files
    assert not location.imports


def test_the_versions_of_what_is_at_work(example: Api) -> None:
    versions = example.loaded().versions

    assert versions.codeserver == metadata.version("codeserver")
    assert versions.python == platform.python_version()
    assert versions.dagster == metadata.version("dagster")
    assert versions.libraries["dagster-aws"] == metadata.version("dagster-aws")


def test_times(example: Api) -> None:
    location = example.loaded()

    times = location.load_times
    phases = (times.importing, times.resolving, times.describing)
    assert all(phase.ToNanoseconds() > 0 for phase in phases)
    assert times.total.ToNanoseconds() >= sum(phase.ToNanoseconds() for phase in phases)
    started, loaded = location.started_at.ToNanoseconds(), location.loaded_at.ToNanoseconds()
    assert started + times.total.ToNanoseconds() <= loaded + 1_000_000_000


def test_work_that_nobody_has_asked_for(example: Api) -> None:
    work = example.loaded().work

    assert (work.running, work.queued, work.runs) == (0, 0, 0)
    assert (work.max_running, work.max_queued) == (6, 200)
    assert not work.subjects


def test_it_is_the_same_until_something_changes(example: Api) -> None:
    assert example.loaded() == example.location


def test_the_server_id_is_that_of_dagsters_service(example: Api) -> None:
    assert example.loaded().server_id == example.server.client.get_server_id()


OPTIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("--location-name", "größe ✓"), {"name": "größe ✓"}),
    (("--container-image", "shop:7"), {"container_image": "shop:7"}),
    (("--watch",), {"watches_files": True}),
    (("--max-workers", "3", "--max-queue", "5"), {"work": v1.Work(max_running=3, max_queued=5)}),
    (("--isolation", "spawn"), {}),
    (("--runs", "auto"), {"runs": v1.Runs(mode=v1.Runs.MODE_FRESH, reasons=["--isolation spawn"])}),
]


def test_what_the_operator_has_said(start: Serve) -> None:
    options = [option for given, _ in OPTIONS for option in given]
    api = start(("-m", "empty", "-d", ".", *options), cwd=USER_CODE)

    location = api.loaded()

    for _, expected in OPTIONS:
        for name, value in expected.items():
            assert getattr(location, name) == value
    assert location.isolation.mode == v1.Isolation.MODE_SPAWN
    assert location.isolation.reasons
    assert location.counts == v1.Counts()
    assert location.target.module_name == "empty"
    assert location.target.working_directory in (".", str(USER_CODE))
    assert sources_of(location) == ["module_name"]


def test_an_attribute_of_a_file(start: Serve) -> None:
    location = start(("-f", "several.py", "-a", "first"), cwd=USER_CODE).loaded()

    assert location.name
    assert location.target.python_file.rpartition("/")[2] == "several.py"
    assert location.target.attribute == "first"
    assert sources_of(location) == ["python_file"]


def sources_of(location: v1.Location) -> list[str]:
    sources = ("python_file", "module_name", "package_name", "autoload_defs_module_name")
    return [name for name in sources if getattr(location.target, name)]


def test_what_is_found_out_about_the_import(start: Serve) -> None:
    """Whether runs may share it, and what it consists of, when that is asked for."""
    api = start(EXAMPLE, "--runs", "auto", "--profile-imports")

    with Watch(api) as watch:
        rehearsed = watch.until(
            lambda location: location.HasField("runs") and not location.runs.rehearsing
        )

    assert rehearsed.location.runs == v1.Runs(mode=v1.Runs.MODE_WARM)
    [*_, before, last] = watch.messages
    assert before.location.runs.rehearsing
    assert before.location.runs.mode == v1.Runs.MODE_FRESH
    before.location.runs.CopyFrom(last.location.runs)
    assert before.location == last.location
    found = list(api.loaded().imports)

    modules = {each.module: each for each in found}
    assert "dagster_aws.s3" in modules
    assert not modules["dagster_aws.s3"].is_users
    users = [each for each in found if each.is_users]
    assert [each.file.rpartition("/")[2] for each in users] == ["repo.py"]
    assert all(each.cumulative.ToNanoseconds() >= each.own.ToNanoseconds() for each in found)
    assert api.location.ByteSize() < 4_000_000
