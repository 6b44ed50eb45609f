"""Where to look out for changes: at every name that decides what a path leads to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from codeserver.facts import UsedFiles
from codeserver.supervisor.watching import places as places_module
from codeserver.supervisor.watching.patterns import Patterns
from codeserver.supervisor.watching.picture import Picture
from codeserver.supervisor.watching.places import Places, on_remote_file_systems, places_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def build(folder: Path, entries: Iterable[str]) -> None:
    """Make files (`a.py`), directories (`a/`) and links (`a -> b`)."""
    for entry in entries:
        name, _, target = entry.partition(" -> ")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(target.replace("FOLDER", str(folder)))
        elif name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()


def places(folder: Path, *paths: str, roots: tuple[str, ...] = ()) -> Places:
    """Those of a picture of these files, and of directories, which end with a slash."""
    picture = Picture([os.path.normpath(folder / root) for root in roots], Patterns())
    picture.take(
        UsedFiles(
            files={f"{folder}/{path}": None for path in paths if not path.endswith("/")},
            folders={
                os.path.normpath(folder / path): ([], []) for path in paths if path.endswith("/")
            },
        )
    )
    picture.changes()
    return places_of(picture)


def entries_below(folder: Path, found: Places) -> set[str]:
    """Each directory and name that matters, relative to the folder."""
    return {
        os.path.join(os.path.relpath(directory, folder), name)
        for directory, names in found.entries.items()
        for name in names
        if directory.startswith(str(folder)) and name
    }


CASES: dict[str, tuple[list[str], str, set[str]]] = {
    # what is there, the path that matters, the names to look out for
    "a file": (["a/repo.py"], "a/repo.py", {"./a", "a/repo.py"}),
    "a file far down": (["a/b/c/repo.py"], "a/b/c/repo.py", {"a/b/c", "a/b/c/repo.py"}),
    "a linked file": (
        ["real.py", "repo.py -> real.py"],
        "repo.py",
        {"./repo.py", "./real.py"},
    ),
    "an absolute link": (
        ["a/real.py", "b/repo.py -> FOLDER/a/real.py"],
        "b/repo.py",
        {"./b", "b/repo.py", "./a", "a/real.py"},
    ),
    "a link with dots": (
        ["a/real.py", "b/repo.py -> ../a/./real.py"],
        "b/repo.py",
        {"./b", "b/repo.py", "./a", "a/real.py"},
    ),
    "a ConfigMap of Kubernetes": (
        ["m/..2026_01/repo.py", "m/..data -> ..2026_01", "m/repo.py -> ..data/repo.py"],
        "m/repo.py",
        {"./m", "m/repo.py", "m/..data", "m/..2026_01", "m/..2026_01/repo.py"},
    ),
    "a release": (
        ["release-42/pkg/repo.py", "current -> release-42"],
        "current/pkg/repo.py",
        {"./current", "release-42/pkg", "release-42/pkg/repo.py"},
    ),
    "a link far up": (
        ["v2/a/b/repo.py", "app/current -> ../v2"],
        "app/current/a/b/repo.py",
        {"app/current", "v2/a/b", "v2/a/b/repo.py"},
    ),
    "links to links": (
        ["three/repo.py", "two -> three", "one -> two"],
        "one/repo.py",
        {"./one", "./two", "./three", "three/repo.py"},
    ),
    "what is missing": (["a/"], "a/repo.py", {"./a", "a/repo.py"}),
    "a missing directory": (["a/"], "a/b/repo.py", {"a/b"}),
    "missing directories": (["a/"], "a/b/c/d/repo.py", {"a/b"}),
    "a file instead of a directory": (["a/b"], "a/b/c/repo.py", {"a/b"}),
    "a link to what is missing": (["repo.py -> a/b.py"], "repo.py", {"./repo.py", "./a"}),
    "a link to itself": (["repo.py -> repo.py"], "repo.py", {"./repo.py"}),
    "a loop": (["a -> b", "b -> a"], "a/repo.py", {"./a", "./b"}),
    "a listed directory": (["a/b/"], "a/b/", {"a/b"}),
    "a listed directory that is missing": (["a/"], "a/b/c/", {"a/b"}),
    "a listed directory that is linked": (
        ["b/", "current -> b"],
        "current/",
        {"./current", "./b"},
    ),
}


@pytest.mark.parametrize(("there", "path", "expected"), CASES.values(), ids=CASES)
def test_names_on_the_way(folder: Path, there: list[str], path: str, expected: set[str]) -> None:
    build(folder, there)
    found = places(folder, path)
    assert entries_below(folder, found) == expected
    for directory in found.directories:
        assert os.path.isdir(directory), "or it could not be watched"
        assert os.path.realpath(directory) == directory, "the kernel tells of these paths"
    for name in expected:
        assert found.may_matter(os.path.normpath(folder / name))


@pytest.mark.parametrize(
    ("replace", "path"),
    [
        (("m/..data", "..2026_02"), "m/repo.py"),
        (("current", "release-43"), "current/pkg/repo.py"),
    ],
)
def test_a_link_that_leads_elsewhere_matters_and_then_what_is_there(
    folder: Path, replace: tuple[str, str], path: str
) -> None:
    for case in ("a ConfigMap of Kubernetes", "a release"):
        build(folder, CASES[case][0])
    build(folder, ["m/..2026_02/repo.py", "release-43/pkg/repo.py"])
    before = places(folder, path)
    name, target = replace
    (folder / "new").symlink_to(target)
    (folder / "new").rename(folder / name)
    assert before.may_matter(f"{folder}/{name}")
    real = os.path.realpath(folder / path)
    assert not before.may_matter(real)
    assert places(folder, path).may_matter(real)


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        # In the directory that the load has listed:
        ("app/repo.py", True),
        ("app/new.py", True),
        ("app/new.yaml", True),
        ("app/new.sql", True),
        ("app/package", True),
        ("app/data.csv", False),
        ("app/.repo.py.swp", False),
        ("app/repo.py~", False),
        ("app/package/new.py", False),
        # Beside the one file that matters there:
        ("lib/one.py", True),
        ("lib/new.py", False),
        ("lib", True),
        ("lib2", False),
        # In a directory to watch, at any depth:
        ("root/data.csv", True),
        ("root/sub/data.csv", True),
        ("root/sub/.git", True),
        ("root/sub/.git/config", False),
        # Where the linked directory really is:
        ("linked/new.py", False),
        ("real/new.py", True),
        ("new.py", False),
        (".", False),
    ],
)
def test_what_may_matter(folder: Path, path: str, matters: bool) -> None:
    build(
        folder,
        ["app/repo.py", "lib/one.py", "root/sub/.git/config", "real/", "linked -> real"],
    )
    found = places(folder, "app/repo.py", "app/", "lib/one.py", "linked/", roots=("root",))
    assert found.may_matter(os.path.normpath(folder / path)) is matters


def test_new_directories_in_a_listed_one_are_watched(folder: Path) -> None:
    build(folder, ["app/"])
    picture = Picture([], Patterns())
    picture.take(UsedFiles(folders={f"{folder}/app": ([], [])}))
    build(folder, ["app/package/sub/"])
    picture.changes()
    found = places_of(picture)
    assert {f"{folder}/app/package", f"{folder}/app/package/sub"} <= set(found.directories)
    assert found.may_matter(f"{folder}/app/package/sub/new.py")


def test_nothing_to_watch() -> None:
    found = places_of(Picture([], Patterns()))
    assert not found.directories
    assert not found.may_matter("/a.py")


MOUNTS = {
    "/": "overlay",
    "/home": "ext4",
    "/srv": "nfs4",
    "/srv/local": "ext4",
    "/host": "fuse.sshfs",
    "/vm": "virtiofs",
    "/wsl": "9p",
    "/tmp": "tmpfs",
}


@pytest.mark.parametrize(
    ("path", "is_remote"),
    [
        ("/", False),
        ("/app", False),
        ("/home/me/app", False),
        ("/srv", True),
        ("/srv/app", True),
        ("/srv/local", False),
        ("/srv/local/app", False),
        ("/srv/localized", True),
        ("/srv2/app", False),
        ("/host/app", True),
        ("/vm/app", True),
        ("/wsl/c", True),
        ("/tmp/app", False),
    ],
)
def test_file_systems_of_other_machines(
    monkeypatch: pytest.MonkeyPatch, path: str, is_remote: bool
) -> None:
    monkeypatch.setattr(places_module, "_mounts", lambda: MOUNTS)
    assert on_remote_file_systems(["/app", path]) == ([path] if is_remote else [])


def test_nothing_is_remote_where_mounts_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "_mounts", dict)
    assert on_remote_file_systems(["/srv"]) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/mountinfo"), reason="Linux tells of its mounts")
def test_mounts_of_this_machine(folder: Path) -> None:
    mounts = places_module._mounts()
    assert mounts["/proc"] == "proc"
    assert "/" in mounts
    assert on_remote_file_systems(["/proc"]) == []
