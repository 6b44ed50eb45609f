"""A Dagster that is newer than all that were tested, that does not fit, or that is replaced.

Each is the installed Dagster with some files changed, in an environment of links.
"""

from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest

from codeserver.client import connect
from codeserver.worker.dagster_installed import NEWEST_TESTED
from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.serving import Server, run, skip_message, wait_until_gone
from tests.process.several import serve_several
from tests.support import environments
from tests.support.environments import INSTALLED, OF_CODESERVER
from tests.support.eventually import eventually
from tests.support.servers import OURS

NEWER = "1.99.3"
PLEASE = f"install Dagster 1.10 to {NEWEST_TESTED}, or a newer codeserver"

CODE = """
import dagster as dg
from dagster.version import __version__ as on_disk


@dg.op
def nothing(): ...


@dg.job
def empty():
    nothing()


@dg.sensor(job=empty)
def quick():
    yield dg.SkipReason(f"{dg.__version__} {on_disk}")


defs = dg.Definitions(jobs=[empty], sensors=[quick])
"""


@pytest.fixture
def python(work: Path) -> Path:
    """A Python with a Dagster of its own."""
    (work / "served.py").write_text(CODE)
    return environments.make(work / "env", without=OF_CODESERVER)


def change(python: Path, version: str = NEWER, **edits: tuple[str, str]) -> None:
    """Install another Dagster: one with this version, and with texts in modules replaced.

    Args:
        python: whose Dagster it is.
        version: of the changed Dagster.
        edits: a pattern and its replacement, by the name of a module in `dagster._grpc`.
    """
    changes = {"dagster/version.py": f'__version__ = "{version}"\n'}
    for name, (before, after) in edits.items():
        path = f"dagster/_grpc/{name}.py"
        text, count = re.subn(before, after, (INSTALLED / path).read_text())
        assert count
        changes[path] = text
    packages = environments.packages_of(python)
    environments.replace(packages, changes)
    for name in ("dagster_shared", "dagster_pipes"):
        (facts,) = packages.glob(f"{name}-*.dist-info")
        facts.rename(packages / f"{name}-{version}.dist-info")


def check(python: Path, work: Path) -> str:
    """What `codeserver check` prints."""
    words = ("check", "-f", "served.py", "--python", str(python))
    return run(*OURS[:3], *words, cwd=work).output


def test_a_newer_one_that_fits(start: Start, work: Path, python: Path) -> None:
    change(python)
    server = start("-f", "served.py", "--python", str(python))
    assert skip_message(server) == f"{NEWER} {NEWER}"
    assert not server.reload()
    said = f"Dagster {NEWER} is newer than {NEWEST_TESTED}, up to which this codeserver is tested"
    assert server.server.text.count(said) == 1


@pytest.mark.parametrize(
    ("module", "edit", "reason"),
    [
        (
            "impl",
            ("def get_partition_tags", "def get_tags_of_partition"),
            "it has no dagster._grpc.impl.get_partition_tags",
        ),
        (
            "impl",
            (r"(def get_external_sensor_execution\()", r"\1\n    asset_graph,"),
            "get_external_sensor_execution takes other arguments",
        ),
        (
            "types",
            (r"class SensorExecutionArgs\(", "class ArgsOfSensorExecution("),
            "it has no dagster._grpc.types.SensorExecutionArgs",
        ),
    ],
)
def test_a_newer_one_that_does_not_fit(
    work: Path, python: Path, module: str, edit: tuple[str, str], reason: str
) -> None:
    """The error of the load is one line, with the version that is there and those that work."""
    change(python, **{module: edit})
    text = check(python, work)
    (line,) = (each for each in text.splitlines() if "cannot be imported" in each)
    where = f"Dagster cannot be imported by {python}"
    assert line.startswith(f"{where}: Dagster {NEWER} does not fit: ")
    assert reason in line
    assert line.endswith(PLEASE)
    assert "ImportError" not in text
    assert "TypeError" not in text
    assert "Traceback" not in text


def test_one_that_is_too_old(work: Path, python: Path) -> None:
    change(python, "1.9.13")
    assert f"{python}: Dagster 1.9.13 is too old; {PLEASE}" in check(python, work)


def test_one_that_is_half_there(work: Path, python: Path) -> None:
    packages = environments.packages_of(python)
    environments.replace(packages, {"dagster/_core/errors.py": ""})
    text = check(python, work)
    assert f"is only half there: dagster/_core/errors.py is missing in {packages}" in text


def forkserver(server: Server) -> psutil.Process:
    return server.only("forkserver")


@pytest.mark.parametrize("watches", [False, True], ids=["reload", "watch"])
def test_one_that_is_replaced_while_it_is_used(
    start: Start, work: Path, python: Path, watches: bool
) -> None:
    """Nothing of the old one is in a process that loads the code anew."""
    options = ["--watch"] if watches else []
    server = start("-f", "served.py", "--python", str(python), *options)
    before = skip_message(server)
    assert len(set(before.split())) == 1
    old = forkserver(server)
    if watches:
        eventually(lambda: "watching 1 file" in server.server.text, what="the watching")
    change(python)
    if watches:
        eventually(lambda: skip_message(server) == f"{NEWER} {NEWER}", what="the reload")
    else:
        assert not server.reload()
        assert skip_message(server) == f"{NEWER} {NEWER}"
    said = f"Dagster {before.split()[0]} was replaced on disk"
    assert server.server.text.count(said) == 1
    with connect(f"unix:{server.server.socket}") as client:
        assert client.location().versions.dagster == NEWER
    wait_until_gone([old])


def test_one_that_is_broken_and_repaired(start: Start, work: Path, python: Path) -> None:
    """The code that is there is served on, and the next installation is noticed, too."""
    server = start("-f", "served.py", "--python", str(python), "--watch", "--on-reload-error=keep")
    before = skip_message(server)
    change(python, impl=("def get_partition_tags", "def get_tags_of_partition"))
    eventually(lambda: "does not fit" in server.server.text, what="the failed reload")
    assert skip_message(server) == before
    assert value(server.client.list_repositories()).repository_symbols
    change(python, "1.99.4", impl=("def get_partition_tags", "def get_partition_tags"))
    eventually(lambda: skip_message(server) == "1.99.4 1.99.4", what="the repair")


def test_one_that_is_replaced_beneath_several_locations(
    home: Path, work: Path, python: Path
) -> None:
    """A location that is reloaded gets the new one; the others go on with the old one."""
    entries = {name: {"python_file": "served.py", "python": python} for name in ("one", "two")}
    with serve_several(home, work, entries) as several:
        several.ready(*entries)
        one, two = map(several.location, entries)
        before, old = skip_message(one), several.base
        change(python)
        assert not one.reload()
        assert skip_message(one) == f"{NEWER} {NEWER}"
        assert skip_message(two).split()[0] == before.split()[0]
        assert not two.reload()
        assert skip_message(two) == f"{NEWER} {NEWER}"
        said = f"Dagster {before.split()[0]} was replaced on disk"
        text = several.whole.server.text
        assert [text.count(f"{name}{said}") for name in ("[one] ", "[two] ", "")] == [1, 1, 2]
        wait_until_gone([old])
