"""Where the code is: behind links that are switched, in folders that go and come back, anywhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.process.editing import (
    CODE,
    WATCHED,
    edition,
    edition_by,
    ended_loads,
    logs,
    one_load_after,
    replace,
    says,
    shows,
)
from tests.process.serving import serve
from tests.support.processes import open_files
from tests.support.servers import OURS


def switch(link: Path, target: str) -> None:
    """Let a link lead elsewhere, at once."""
    new = link.with_name(f"{link.name}.new")
    new.symlink_to(target)
    new.replace(link)


def release(work: Path, name: str) -> Path:
    """A folder with the code of this edition."""
    folder = work / name
    folder.mkdir()
    (folder / "part.py").write_text(f'EDITION = "{name}"\n')
    (folder / "served.py").write_text(edition_by("from part import EDITION"))
    return folder


@pytest.mark.parametrize("where", ["the path", "the current directory"])
def test_a_link_to_the_release_is_switched(start: Start, work: Path, where: str) -> None:
    """As deployments do; the release before is removed after that."""
    release(work, "release-1")
    link = work / "current"
    link.symlink_to("release-1")
    if where == "the path":
        server = start("-f", str(link / "served.py"), "-d", str(link), *WATCHED[2:], cwd=work)
    else:
        server = start(*WATCHED, cwd=link, env={"PWD": str(link)})
    shows(server, "release-1")
    for number in (2, 3):
        release(work, f"release-{number}")
        switch(link, f"release-{number}")
        shows(server, f"release-{number}")
        shutil.rmtree(work / f"release-{number - 1}")
    assert says(server) == "release-3"


def test_a_link_is_switched_without_watching(start: Start, work: Path) -> None:
    """Then it is the next reload that finds the other release, and nothing is made ahead of it."""
    release(work, "release-1")
    link = work / "current"
    link.symlink_to("release-1")
    server = start("-f", "served.py", cwd=link, env={"PWD": str(link)})
    assert says(server) == "release-1"
    release(work, "release-2")
    switch(link, "release-2")
    shutil.rmtree(work / "release-1")
    assert not server.reload()
    assert says(server) == "release-2"
    assert not server.processes("template")


def test_the_links_of_a_config_map_are_switched(start: Start, work: Path) -> None:
    """Kubernetes mounts files as links that lead through another link, which it replaces."""
    for name in ("..1", "..2"):
        (work / name).mkdir()
        (work / name / "served.py").write_text(edition(f"map {name}"))
    (work / "..data").symlink_to("..1")
    (work / "served.py").symlink_to("..data/served.py")
    server = start(*WATCHED)
    shows(server, "map ..1")
    switch(work / "..data", "..2")
    shows(server, "map ..2")


def test_the_folder_is_removed_and_comes_back(start: Start, work: Path) -> None:
    folder = release(work, "code")
    server = start("-f", "code/served.py", "-d", "code", *WATCHED[2:], "--on-reload-error", "keep")
    shows(server, "code")
    for name in ("again", "once more"):
        shutil.rmtree(folder)
        logs(server, "FileNotFoundError")
        assert server.client.health_check_query() == "SERVING"
        folder.mkdir()
        (folder / "served.py").write_text(edition(name))
        shows(server, name)


def test_a_current_directory_that_was_replaced(start: Start, work: Path) -> None:
    """The server is still in the folder that is gone; the code is loaded in the new one."""
    folder = release(work, "code")
    (folder / "name.yaml").write_text("old")
    server = start(*WATCHED, cwd=folder)
    shows(server, "code")
    folder.rename(work / "before")
    folder.mkdir()
    (folder / "name.yaml").write_text("new")
    (folder / "served.py").write_text(edition_by("EDITION = open('name.yaml').read()"))
    shows(server, "new")
    shutil.rmtree(work / "before")
    (folder / "name.yaml").write_text("newer")
    shows(server, "newer")


DATA = edition_by("import os\nEDITION = os.popen('cat data/*.sql data/*/*.sql').read()")
"""What a subprocess reads, only the user knows."""


def test_a_folder_with_data_and_names_that_are_watched_nowhere(start: Start, work: Path) -> None:
    data = work / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a.sql").write_text("a")
    (data / "deep" / "b.sql").write_text("b")
    (work / "generated.py").write_text("PART = 1\n")
    (work / "served.py").write_text(f"import generated\n{DATA}")
    filters = ("*.sql", "!generated.py", "!*/other/*")
    options = [option for each in filters for option in ("--watch-filter", each)]
    server = start(*WATCHED, "--watch-dir", "data", *options)
    shows(server, "ab")
    (data / "deep" / "b.sql").write_text("B")
    shows(server, "aB")
    (data / "c.sql").write_text("c")
    shows(server, "acB")
    (data / "more").mkdir()
    (data / "more" / "d.sql").write_text("d")
    shows(server, "acBd")
    (data / "a.sql").unlink()
    shows(server, "cBd")

    def act() -> None:
        (data / "notes.txt").write_text("not what is wanted")
        (data / ".git").mkdir()
        (data / ".git" / "x.sql").write_text("not looked into")
        (work / "generated.py").write_text("PART = 2\n")
        (work / "other").mkdir()
        (work / "other" / "new.py").write_text("x = 1\n")
        (data / "c.sql").write_text("C")

    one_load_after(server, act)
    assert says(server) == "CBd"
    shutil.rmtree(data)
    shows(server, "")
    data.mkdir()
    (data / "a.sql").write_text("back")
    shows(server, "back")


def test_polling(start: Start, work: Path) -> None:
    (work / "served.py").write_text(CODE)
    server = start(*WATCHED, "--watch-poll", "0.1")
    shows(server, "first")
    assert "anon_inode:inotify" not in open_files(server.front.pid)
    replace(work / "served.py", edition("second"))
    shows(server, "second")


# In a namespace of users, since those of other tests have the same limit outside.
NO_INOTIFY = ["unshare", "--user", "--map-root-user", "sh", "-c"]
NO_INOTIFY += ['echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"', "sh"]


def can_forbid_inotify() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NO_INOTIFY, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_forbid_inotify(), reason="needs the right to make a namespace")
def test_the_kernel_has_no_watch_left(home: Path, work: Path) -> None:
    (work / "served.py").write_text(CODE)
    command = [*NO_INOTIFY, *OURS]
    with serve(home, work / "s.sock", *WATCHED, cwd=work, command=command) as server:
        shows(server, "first")
        logs(server, "looking for changes every 1 s")
        assert "the system does not tell of changes to files" in server.server.text
        replace(work / "served.py", edition("second"))
        shows(server, "second")


def test_code_that_is_installed_is_not_watched_and_the_log_says_so(
    start: Start, work: Path
) -> None:
    installed = work / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "served.py").write_text(CODE)
    (work / "empty").mkdir()
    server = start(
        "-m", "served", *WATCHED[2:], cwd=work / "empty", env={"PYTHONPATH": str(installed)}
    )
    shows(server, "first")
    logs(server, "everything that served has imported is installed")
    assert ended_loads(server) == 1
