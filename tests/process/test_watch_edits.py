"""Edits are noticed however they are made, and what is no edit is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.process.editing import (
    CODE,
    WATCHED,
    WAYS,
    Since,
    edition,
    edition_by,
    ended_loads,
    logs,
    one_load_after,
    replace,
    says,
    shows,
)
from tests.process.serving import Server, serve
from tests.support.eventually import eventually

SAVED_AT_ONCE = 0.01
"""Seconds that the server leaves to whoever is writing before it looks."""

WAITED_FOR = 1.0
"""Seconds after which a file that is empty is taken to be so."""

LATE = "def says():\n    import late\n    return dg.SkipReason(late.PART)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def shared(home: Path, folder: Path) -> Iterator[Server]:
    replace(folder / "served.py", CODE)
    options = (*WATCHED, "--log-level", "debug")
    with serve(home, home / "watch.sock", *options, cwd=folder) as server:
        yield server


@pytest.fixture
def server(shared: Server, folder: Path) -> Server:
    """A server of the first edition and nothing else, whatever earlier tests did."""
    for path in folder.iterdir():
        if path.name != "served.py":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    replace(folder / "served.py", CODE)
    assert not shared.reload()
    shows(shared, "first")
    return shared


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "served.py"


@pytest.mark.parametrize("save", WAYS)
def test_ways_of_saving(server: Server, file: Path, save: Callable[[Path, str], None]) -> None:
    for name in ("one", "two"):  # of the same size
        failures = server.server.text.count("failed")
        began = time.monotonic()
        save(file, edition(name))
        took = time.monotonic() - began
        shows(server, name)
        # Who is held up in the middle is told what is wrong with what is there by then.
        assert server.server.text.count("failed") == failures or took > SAVED_AT_ONCE


def test_a_file_that_is_empty_for_a_while_is_waited_for(server: Server, file: Path) -> None:
    log = Since(server)
    began = time.monotonic()
    with file.open("w") as stream:
        log.logs(f"waiting for the content of {file}")
        stream.write(edition("slow"))
    took = time.monotonic() - began
    shows(server, "slow")
    assert "failed" not in log.text or took > WAITED_FOR


def test_a_deleted_file_is_an_error_until_it_is_back(server: Server, file: Path) -> None:
    file.unlink()
    logs(server, "FileNotFoundError")
    replace(file, edition("back"))
    shows(server, "back")


@pytest.mark.parametrize("kind", ["link to nowhere", "link to itself", "directory", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_an_error_until_it_can(
    server: Server, file: Path, kind: str
) -> None:
    failures = server.server.text.count("failed")
    new = file.with_suffix(".new")
    if kind == "link to nowhere":
        new.symlink_to("nowhere.py")
        new.replace(file)
    elif kind == "link to itself":
        new.symlink_to("served.py")
        new.replace(file)
    elif kind == "directory":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(b"x = '\xff'")
    eventually(lambda: server.server.text.count("failed") > failures, what="the error in the log")
    assert server.client.health_check_query() == "SERVING"
    if file.is_dir():
        file.rmdir()
    replace(file, edition("read"))
    shows(server, "read")


def test_modules_packages_and_data_that_the_code_uses(server: Server, file: Path) -> None:
    """Each is noticed when it is new, when it changes, and when it is imported late."""
    source = (
        "import json, pathlib\n"
        "try:\n    from sibling import PART as A\nexcept ImportError:\n    A = '-'\n"
        "try:\n    from package.inner import PART as B\nexcept ImportError:\n    B = '-'\n"
        "data = pathlib.Path('data.yaml')\n"
        "C = data.read_text() if data.exists() else '-'\n"
        "EDITION = A + B + C"
    )
    replace(file, edition_by(source))
    shows(server, "---")
    file.with_name("sibling.py").write_text("PART = 'a'\n")
    shows(server, "a--")
    inner = file.with_name("package") / "inner"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("PART = 'b'\n")
    shows(server, "ab-")
    file.with_name("data.yaml").write_text("c")
    shows(server, "abc")
    for path, text, expected in (
        (file.with_name("sibling.py"), "PART = 'A'\n", "Abc"),
        (inner / "__init__.py", "PART = 'B'\n", "ABc"),
        (file.with_name("data.yaml"), "C", "ABC"),
    ):
        path.write_text(text)
        shows(server, expected)
    file.with_name("sibling.py").unlink()
    shows(server, "-BC")


def test_a_module_that_is_imported_when_a_sensor_is_evaluated(server: Server, file: Path) -> None:
    file.with_name("late.py").write_text("PART = 'one'\n")
    late = CODE.replace("def says():\n    return dg.SkipReason(EDITION)", LATE)
    assert late != CODE
    replace(file, late)
    shows(server, "one")
    file.with_name("late.py").write_text("PART = 'two'\n")
    shows(server, "two")


def test_late_imports_of_processes_that_load_the_code_themselves(start: Start, work: Path) -> None:
    (work / "late.py").write_text("PART = 'one'\n")
    late = CODE.replace("def says():\n    return dg.SkipReason(EDITION)", LATE)
    assert late != CODE
    (work / "served.py").write_text(late)
    server = start(*WATCHED, "--isolation", "spawn")
    shows(server, "one")
    (work / "late.py").write_text("PART = 'two'\n")
    shows(server, "two")


def test_variables_of_a_new_env_file(server: Server, file: Path) -> None:
    replace(file, edition_by("EDITION = os.environ.get('FROM_FILE', 'none')"))
    shows(server, "none")
    for value in ("one", "two", "three", "four"):
        file.with_name(".env").write_text(f"FROM_FILE={value}\n")
        shows(server, value)


def test_what_is_no_edit(server: Server, file: Path) -> None:
    """All of that, and then one edit: the code is loaded once."""
    folder = file.parent
    # While it is new, it may belong to the code; afterwards it does not.
    one_load_after(server, lambda: replace(folder / "beside.py", "x = 1\n"))

    def act() -> None:
        (folder / "beside.py").write_text("x = 2\n")
        (folder / "notes.txt").write_text("a note")
        (folder / "run.log").write_text("a line\n")
        (folder / ".hidden.py").write_text("x = 1")
        for path in (".git", ".venv/lib/python3/site-packages/pkg", "__pycache__", "data/2026"):
            (folder / path).mkdir(parents=True)
        (folder / ".git" / "index.py").write_text("")
        (folder / ".venv/lib/python3/site-packages/pkg/__init__.py").write_text("")
        (folder / "__pycache__" / "served.cpython-311.pyc").write_bytes(b"")
        (folder / "data" / "2026" / "rows.csv").write_text("1,2")
        os.utime(folder)
        replace(file, edition("edited"))

    one_load_after(server, act)
    assert says(server) == "edited"


def test_a_checkout_of_many_files(server: Server, file: Path) -> None:
    """As `git` does it: 500 files of a package, one after the other, and back."""
    folder = file.parent
    package = folder / "many"
    branches = {"old": 500, "new": 450}

    def git(*arguments: str) -> None:
        settings = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.hooksPath=/dev/null")
        subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    for branch, count in branches.items():
        git("checkout", "-q", "--orphan", branch)
        shutil.rmtree(package, ignore_errors=True)
        package.mkdir()
        (package / "__init__.py").touch()
        for number in range(count):
            (package / f"m{number}.py").write_text(f"PART = '{branch}'\n")
        imports = "\n".join(
            f"from many.m{number} import PART as P{number}" for number in range(count)
        )
        names = ", ".join(f"P{number}" for number in range(count))
        source = f"{imports}\nEDITION = '{count} ' + ' '.join(sorted({{{names}}}))"
        file.write_text(edition_by(source))
        git("add", "served.py", "many")
        git("commit", "-q", "-m", branch)
    shows(server, "450 new")
    for branch in ("old", "new", "old"):
        git("checkout", "-q", branch)
        shows(server, f"{branches[branch]} {branch}")


def test_the_last_of_many_quick_edits_is_served(server: Server, file: Path) -> None:
    before = ended_loads(server)
    for number in range(100):
        replace(file, edition(f"edit {number}"))
    shows(server, "edit 99")
    assert ended_loads(server) - before < 20, "stale loads are given up"
    eventually(lambda: len(server.processes("host")) == 1, what="one host")


def test_a_reload_by_a_client_works_as_well(server: Server, file: Path) -> None:
    replace(file, edition("saved"))
    assert not server.reload()
    assert says(server) == "saved"


def test_a_touch_changes_nothing_that_clients_see(server: Server, file: Path) -> None:
    before = server.id
    one_load_after(server, file.touch)
    assert server.id == before
    logs(server, "no visible change")


def test_what_a_load_writes_itself_is_no_edit(server: Server, file: Path) -> None:
    source = (
        "import pathlib\n"
        "cache = pathlib.Path('cache.json')\n"
        "cache.write_text('x' * (len(cache.read_text()) + 1) if cache.exists() else '')\n"
        'EDITION = "first"'
    )
    replace(file, edition_by(source.replace("first", "zeroth")))
    shows(server, "zeroth")
    before = ended_loads(server)
    one_load_after(server, lambda: replace(file, edition_by(source)))
    shows(server, "first")
    one_load_after(server, lambda: replace(file, edition_by(source.replace("first", "second"))))
    shows(server, "second")
    assert ended_loads(server) == before + 2
