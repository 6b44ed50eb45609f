"""Installed packages are imported once, ahead of reloads, and nobody can tell but by the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.process.editing import WATCHED, edition_by, ended_loads, logs, replace, shows
from tests.process.serving import Server, wait_until_gone
from tests.support.eventually import eventually
from tests.support.portable import needs_linux

pytestmark = needs_linux("no template elsewhere")

VERBOSE = (*WATCHED, "--log-level", "debug")

NOTES_ITS_IMPORT = """
import os, pathlib
with open({note!r}, "a") as note:
    note.write(f"{{os.getpid()}}\\n")
PART = "one"
"""


@pytest.fixture
def note(work: Path) -> Path:
    """Where the package `installed` writes each time that it is imported."""
    return work / "note"


@pytest.fixture
def packages(work: Path, note: Path) -> Path:
    """A folder of installed packages, with one."""
    folder = work / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "installed.py").write_text(NOTES_ITS_IMPORT.format(note=str(note)))
    return folder


@pytest.fixture
def file(work: Path) -> Path:
    folder = work / "code"
    folder.mkdir()
    return folder / "served.py"


def serve(start: Start, file: Path, packages: Path) -> Server:
    return start(*VERBOSE, cwd=file.parent, env={"PYTHONPATH": str(packages)})


def importing(name: str, edition: str = "") -> str:
    return edition_by(f"import {name}\nEDITION = {name}.PART + {edition!r}")


IMPORTED = "are imported ahead of reloads"


def has_template(server: Server, *, times: int = 1) -> None:
    """Wait until so many have imported what they should."""
    logs(server, IMPORTED, times=times)


def is_used(server: Server) -> bool:
    """Whether a template is what the one host was forked from."""
    templates = {process.pid for process in server.processes("template")}
    return {process.ppid() for process in server.processes("host")} <= templates


def test_a_package_is_imported_once_for_all_reloads(
    start: Start, file: Path, packages: Path, note: Path
) -> None:
    """Until the process that has imported it is killed, or it is upgraded, or not meant."""
    replace(file, importing("installed"))
    server = serve(start, file, packages)
    shows(server, "one")
    has_template(server)
    template = server.only("template")
    assert note.read_text().split()[1] == str(template.pid)
    for number in range(3):
        replace(file, importing("installed", f" {number}"))
        shows(server, f"one {number}")
    assert len(note.read_text().split()) == 2
    eventually(lambda: is_used(server), what="a host of the template")

    # Hosts end with it, and the code is loaded again without one.
    template.kill()
    wait_until_gone([template])
    shows(server, "one 2")
    replace(file, importing("installed", "?"))
    shows(server, "one?")
    has_template(server, times=2)

    text = (packages / "installed.py").read_text().replace('"one"', '"two"')
    (packages / "installed-2.dist-info").mkdir()
    replace(packages / "installed.py", text)
    replace(file, importing("installed", "!"))
    shows(server, "two!")
    has_template(server, times=3)

    file.with_name("installed.py").write_text("PART = 'local'\n")
    shows(server, "local!")


def test_packages_that_cannot_be_imported_ahead_are_left_out(
    start: Start, file: Path, packages: Path, note: Path
) -> None:
    """One imports a file of the user, and would hide changes of that; one leaves a thread."""
    (packages / "plugin.py").write_text("import mine\nPART = mine.PART\n")
    file.with_name("mine.py").write_text("PART = 'mine'\n")
    replace(file, importing("plugin"))
    server = start(*VERBOSE, cwd=file.parent, env={"PYTHONPATH": f"{packages}:{file.parent}"})
    shows(server, "mine")
    logs(server, "plugin is not imported ahead of reloads: imports mine, which is not installed")
    for part in ("yours", "ours"):
        file.with_name("mine.py").write_text(f"PART = '{part}'\n")
        shows(server, part)

    (packages / "threaded.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, name='pool', daemon=True).start()\n"
        "PART = 'threaded '\n"
    )
    replace(
        file, edition_by("import threaded, installed\nEDITION = threaded.PART + installed.PART")
    )
    shows(server, "threaded one")
    left_out = "threaded is not imported ahead of reloads: a Python thread is running: pool"
    logs(server, left_out)
    eventually(
        lambda: IMPORTED in server.server.text.partition(left_out)[2], what="a template without it"
    )
    replace(file, importing("installed", " alone"))
    shows(server, "one alone")
    eventually(lambda: is_used(server), what="a host of the template")


def test_variables_that_the_user_sets_for_a_package(
    start: Start, file: Path, packages: Path
) -> None:
    (packages / "reads.py").write_text("import os\nPART = os.environ.get('MODE', 'none')\n")

    def code(mode: str, edition: str) -> str:
        source = f"os.environ['MODE'] = '{mode}'\nimport reads\nEDITION = reads.PART + '{edition}'"
        return edition_by(source)

    replace(file, code("fast", ""))
    server = serve(start, file, packages)
    shows(server, "fast")
    has_template(server)
    first = server.only("template")
    replace(file, code("fast", " still"))
    shows(server, "fast still")
    # That is imported with what was set before; once the next template is there, it is put right.
    replace(file, code("safe", ""))
    shows(server, "safe")
    wait_until_gone([first])
    replace(file, code("safe", " now"))
    shows(server, "safe now")


def test_a_variable_that_is_different_in_every_load(
    start: Start, file: Path, packages: Path
) -> None:
    """Not each reload has a template made and another reload."""
    source = "os.environ['STARTED'] = str(time.time_ns())\nimport installed\nEDITION = '{}'"
    replace(file, edition_by(source.format("0")))
    server = serve(start, file, packages)
    has_template(server)
    replace(file, edition_by(source.format("1")))
    # That was imported under another time. So a template is made and the code loaded again, which
    # shows that the variable differs in every load; and so one is made that does without it.
    has_template(server, times=3)
    before = ended_loads(server)
    assert before == 3
    for number in range(2, 8):
        replace(file, edition_by(source.format(number)))
        shows(server, str(number))
    assert ended_loads(server) == before + 6
    eventually(lambda: is_used(server), what="a host of the template")
    assert server.server.text.count(IMPORTED) == 3


def test_the_libraries_that_people_use(start: Start, file: Path) -> None:
    names = ("pandas", "pyarrow", "sklearn.linear_model", "polars", "duckdb", "dagster_aws.s3")
    imports = "".join(f"import {name}\n" for name in names)
    check = "EDITION = str(pandas.DataFrame({'a': [1, 2]}).a.sum() + polars.Series([4]).sum())"
    replace(file, edition_by(imports + check))
    server = start(*VERBOSE, cwd=file.parent)
    shows(server, "7")
    has_template(server)
    replace(file, edition_by(imports + check + " + '!'"))
    shows(server, "7!")
    eventually(lambda: is_used(server), what="a host of the template")


def test_what_a_package_sets_when_it_is_imported_stays(
    start: Start, file: Path, packages: Path
) -> None:
    (packages / "sets.py").write_text("import os\nos.environ['SETS_DATA'] = '/data'\nPART = ''\n")
    source = "import sets\nEDITION = os.environ['SETS_DATA'] + '{}'"
    replace(file, edition_by(source.format("")))
    server = serve(start, file, packages)
    shows(server, "/data")
    has_template(server)
    for number in range(3):
        replace(file, edition_by(source.format(number)))
        shows(server, f"/data{number}")
    eventually(lambda: is_used(server), what="hosts of the template alone")
    assert server.server.text.count(IMPORTED) == 1
