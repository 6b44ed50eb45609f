"""What loading the code writes, or has written, is no reason to load it for ever."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.process.editing import CODE, WATCHED, edition_by, logs, replace, shows
from tests.process.running import launch_patient
from tests.process.serving import Server, serve
from tests.support.eventually import eventually

OPTIONS = (*WATCHED, "--log-level", "debug")

BEGIN = """
import subprocess, sys
with open("begun.txt", "a") as begun:
    begun.write("x")
now = str(time.time_ns())

def by_a_child(path, text):
    code = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    subprocess.run([sys.executable, "-S", "-c", code, path, text], check=True)

def wait():
    while os.path.exists("wait"):
        time.sleep(0.01)
"""

USED_AFTERWARDS = {
    "data.json": "by_a_child('data.json', now); wait(); open('data.json').read()",
    "source.py": "by_a_child('source.py', 'at = ' + now); wait(); import source",
    "new_*.py": "by_a_child(f'new_{now}.py', ''); wait(); __import__(f'new_{now}')",
    "own_*.yaml": "own = f'own_{now}.yaml'; open(own, 'w').close(); open(own).close(); wait()",
}
"""By the file that a load writes."""

CHANGED_AFTER_USE = {
    "count.json": "open('count.json').read(); by_a_child('count.json', now)",
    "counted.py": "import counted; by_a_child('counted.py', 'at = ' + now)",
    "made/*.yaml": "os.listdir('made'); by_a_child(f'made/{now}.yaml', '')",
}

IN_TURN = """
open('a.json').read(), open('b.json').read()
by_a_child('ab'[os.path.getsize('begun.txt') % 2] + '.json', now)
"""


WARNING = "changes whenever the code is loaded"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@pytest.fixture(scope="module")
def shared(home: Path, folder: Path) -> Iterator[Server]:
    replace(folder / "served.py", CODE)
    with serve(home, home / "written.sock", *OPTIONS, cwd=folder) as server:
        yield server


@pytest.fixture
def server(shared: Server, folder: Path) -> Server:
    """A server of the first edition and nothing else; files have other names in each test."""
    replace(folder / "served.py", CODE)
    assert not shared.reload()
    for path in folder.iterdir():
        if path.name != "served.py":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in ("count.json", "counted.py", "made/old.yaml", "a.json", "b.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert not shared.reload()
    shows(shared, "first")
    return shared


def edit(folder: Path, deed: str, name: str) -> None:
    replace(folder / "served.py", edition_by(f"{BEGIN}\n{deed}\nEDITION = {name!r}"))


def begun(folder: Path) -> int:
    """How many loads of code that writes have begun."""
    return (folder / "begun.txt").stat().st_size


def each_edit_is_loaded_once(server: Server, folder: Path, deed: str) -> None:
    """Two, because a load too many after the first one would be there at the second."""
    before = begun(folder)
    for number in (1, 2):
        edit(folder, deed, f"settled {number}")
        shows(server, f"settled {number}")
        assert begun(folder) == before + number


@pytest.mark.parametrize("name", USED_AFTERWARDS)
def test_what_a_load_writes_before_it_uses_it(server: Server, folder: Path, name: str) -> None:
    """Also while the server looks at what has changed."""
    deed = USED_AFTERWARDS[name]
    edit(folder, deed, "written")
    shows(server, "written")
    looks = server.server.text.count("changed: ")
    (folder / "wait").touch()
    edit(folder, deed, "written again")
    # The edit, and what has been written meanwhile, unless the server knows who does that.
    logs(server, "changed: ", times=looks + (1 if name.startswith("own") else 2))
    (folder / "wait").unlink()
    shows(server, "written again")
    assert begun(folder) == 2
    each_edit_is_loaded_once(server, folder, deed)


@pytest.mark.parametrize("name", CHANGED_AFTER_USE)
def test_what_changes_after_a_load_has_used_it(server: Server, folder: Path, name: str) -> None:
    """It might be an edit, so it is loaded a few times, and that is all."""
    deed = CHANGED_AFTER_USE[name]
    edit(folder, deed, "written")
    warning = f"{name} {WARNING}"
    logs(server, warning)
    shows(server, "written")
    each_edit_is_loaded_once(server, folder, deed)
    assert server.server.text.count(warning) == 1
    # At another time it is an edit, as of any file.
    before = begun(folder)
    (folder / name.replace("*", "edited")).write_text("")
    eventually(lambda: begun(folder) > before, what="a load")


def test_files_that_change_in_turn_come_to_rest(server: Server, folder: Path) -> None:
    edit(folder, IN_TURN, "written")
    logs(server, WARNING)
    shows(server, "written")
    edit(folder, IN_TURN, "edited")
    shows(server, "edited")


@pytest.mark.parametrize(
    ("deed", "loads"),
    [
        ("text = open('edited.json').read(); open('read.txt', 'a').write('x'); wait()", 3),
        ("open('read.txt', 'a').write('x'); wait(); text = open('edited.json').read()", 2),
    ],
    ids=["that it has used", "that it uses later"],
)
def test_data_that_is_edited_during_a_load(
    server: Server, folder: Path, deed: str, loads: int
) -> None:
    """The load comes to its end, and another one follows if this one is out of date."""
    data, read = folder / "edited.json", folder / "read.txt"
    data.write_text("before")
    served = edition_by(f"{BEGIN}\n{deed}\nEDITION = text")
    replace(folder / "served.py", served)
    shows(server, "before")
    (folder / "wait").touch()
    replace(folder / "served.py", served)
    eventually(lambda: read.stat().st_size == 2, what="the second load")
    data.write_text("after")
    logs(server, f"changed: {data}")
    (folder / "wait").unlink()
    shows(server, "after")
    assert begun(folder) == loads
    edit(folder, "", "last")
    shows(server, "last")
    assert begun(folder) == loads + 1


@pytest.mark.parametrize(
    ("deed", "last"),
    [
        ("text = open('edited.json').read(); passes('late')", 3),
        ("passes('early'); text = open('edited.json').read(); passes('late')", 2),
    ],
    ids=["after it was used", "before and after it was used"],
)
def test_data_that_is_edited_during_several_loads(
    server: Server, folder: Path, deed: str, last: int
) -> None:
    """As programs do; though loading may seem to write it, the last edit is served."""
    data = folder / "edited.json"
    data.write_text("before")
    passes = f"""
number = os.path.getsize("begun.txt")
def passes(what):
    with open(f"{{what}} {{number}}", "w"):
        pass
    while number <= {last} and not os.path.exists(f"pass {{what}} {{number}}"):
        time.sleep(0.01)
"""
    replace(folder / "served.py", edition_by(f"{BEGIN}{passes}{deed}\nEDITION = text"))
    for number in range(1, last + 1):
        for what in ("early", "late"):
            if what in deed:
                eventually((folder / f"{what} {number}").exists, what=f"load {number} is {what}")
                replace(data, f"{what} {number}")
                (folder / f"pass {what} {number}").touch()
    shows(server, f"late {last}")


def test_what_runs_write_that_load_the_code(server: Server, folder: Path) -> None:
    """As steps do that Dagster starts in processes of their own; at another time it is an edit."""
    deed = "by_a_child('rewritten.json', now); open('rewritten.json').read()"
    for number in (1, 2):
        edit(folder, deed, f"written {number}")
        shows(server, f"written {number}")
    launched = launch_patient(server, folder / "release")
    data, before = folder / "rewritten.json", begun(folder)
    data.write_text("by a step")
    eventually(lambda: begun(folder) > before, what="the load that confirms who writes it")
    shows(server, "written 2")
    data.write_text("by another step")
    logs(server, f"changed: {data}", times=server.server.text.count(f"changed: {data}") + 1)
    each_edit_is_loaded_once(server, folder, deed)
    (folder / "release").touch()
    launched.wait_until_finished()
    assert launched.run.status is DagsterRunStatus.SUCCESS
    before = begun(folder)
    data.write_text("by a person")
    eventually(lambda: begun(folder) > before, what="a load")


@contextmanager
def rewritten(path: Path) -> Iterator[None]:
    """Somebody writes this all the time."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            replace(path, "{}")

    writer = threading.Thread(target=write, name="writer")
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_what_another_process_writes_all_the_time(server: Server, folder: Path) -> None:
    """There are pauses, which end when somebody edits the code."""
    deed = "open('background.json').read()"
    (folder / "background.json").touch()
    edit(folder, deed, "written")
    shows(server, "written")
    with rewritten(folder / "background.json"):
        warning = "background.json changes again and again"
        logs(server, warning)
        for number in (1, 2):
            edit(folder, deed, f"edited {number}")
            shows(server, f"edited {number}")
    assert server.server.text.count(warning) == 1
