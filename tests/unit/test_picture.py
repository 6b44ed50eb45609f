"""What of the files that matter is different now, whatever was done to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeserver.facts import UsedFiles
from codeserver.marks import mark, names_that_count
from codeserver.supervisor.watching import picture as picture_module
from codeserver.supervisor.watching.patterns import Patterns
from codeserver.supervisor.watching.picture import Picture

Deed = Callable[[Path], Any]

LONG_AGO = (1_000_000_000, 1_000_000_000)

# Modules that a load has used, beside others.
CODE = ["repo.py", "package/__init__.py", "package/conf.yaml"]
FILES = [*CODE, "unused.py", "data.csv", "package/unused.yaml", "elsewhere/a.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path, *FILES)
    return tmp_path


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("value")
        os.utime(folder / name, LONG_AGO)  # what is edited then differs, however coarse clocks are


def footprint(folder: Path, files: list[str] | None = None, **others: list[str]) -> UsedFiles:
    """That of a load that has listed the folder and the package in it."""
    paths = [f"{folder}/{name}" for name in (CODE if files is None else files)]
    return UsedFiles(
        files={path: mark(path) for path in paths},
        folders={path: names_that_count(path) for path in (f"{folder}", f"{folder}/package")},
        **others,  # type: ignore[arg-type]
    )


def picture_of(folder: Path, *patterns: str) -> Picture:
    """A picture of a load that has just ended."""
    picture = Picture([], Patterns(patterns))
    picture.take(footprint(folder))
    return picture


def changes(folder: Path, picture: Picture) -> list[str]:
    """What has changed, relative to the folder."""
    return [os.path.relpath(path, folder) for path in picture.changes()]


def suspicious(folder: Path, picture: Picture) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in picture.suspicious)


def replace(path: Path) -> None:
    """As many editors write, and `git`."""
    new = path.with_name("new~")
    new.write_text("value")
    new.replace(path)


def replace_folder(path: Path) -> None:
    shutil.copytree(path, path.with_name("copy"))
    path.rename(path.with_name(".old"))
    path.with_name("copy").rename(path)


DEEDS: dict[str, tuple[Deed, list[str], list[str]]] = {
    # what is done, what has changed, what of that is suspicious
    "nothing": (lambda p: None, [], []),
    "an edit": (lambda p: (p / "repo.py").write_text("other"), ["repo.py"], []),
    "an edit in a package": (
        lambda p: (p / "package/__init__.py").write_text("other"),
        ["package/__init__.py"],
        [],
    ),
    "two edits": (
        lambda p: [(p / name).write_text("other") for name in ("repo.py", "package/conf.yaml")],
        ["package/conf.yaml", "repo.py"],
        [],
    ),
    "a replacement": (lambda p: replace(p / "repo.py"), ["repo.py"], []),
    "a replaced directory": (
        lambda p: replace_folder(p / "package"),
        ["package/__init__.py", "package/conf.yaml"],
        [],
    ),
    "a mode": (lambda p: (p / "repo.py").chmod(0o600), ["repo.py"], []),
    "a deletion": (lambda p: (p / "repo.py").unlink(), ["repo.py"], ["repo.py"]),
    "a truncation": (lambda p: (p / "repo.py").write_text(""), ["repo.py"], ["repo.py"]),
    "a deleted directory": (
        lambda p: shutil.rmtree(p / "package"),
        ["package/__init__.py", "package/conf.yaml"],
        ["package/__init__.py", "package/conf.yaml"],
    ),
    "a file that is not used": (lambda p: (p / "unused.py").write_text("other"), [], []),
    "data": (lambda p: (p / "data.csv").write_text("other"), [], []),
    "a new module": (lambda p: make(p, "new.py"), ["new.py"], []),
    "a new empty module": (lambda p: (p / "new.py").touch(), ["new.py"], []),
    "a new module in a package": (lambda p: make(p, "package/new.py"), ["package/new.py"], []),
    "new settings": (lambda p: make(p, "package/new.yaml"), ["package/new.yaml"], []),
    "new data": (lambda p: make(p, "new.csv", "README", ".new.py", "new.pyc"), [], []),
    "a new module elsewhere": (lambda p: make(p, "elsewhere/new.py"), [], []),
    "a new package": (
        lambda p: make(p, "new/__init__.py", "new/sub/part.py", "new/data.csv"),
        ["new/__init__.py", "new/sub/part.py"],
        [],
    ),
    "a new directory with nothing in it": (lambda p: (p / "new").mkdir(), [], []),
    "new directories that are not looked into": (
        lambda p: make(
            p, ".git/a.py", "__pycache__/a.py", "new/.venv/a.py", "new/node_modules/a.py"
        ),
        [],
        [],
    ),
    "a new virtual environment": (lambda p: make(p, "env/pyvenv.cfg", "env/bin/a.py"), [], []),
    "new packages of another language": (lambda p: make(p, "node_modules/a/b.py"), [], []),
}


@pytest.mark.parametrize(("deed", "changed", "suspects"), DEEDS.values(), ids=DEEDS)
def test_what_has_changed_is_told_once(
    folder: Path, deed: Deed, changed: list[str], suspects: list[str]
) -> None:
    picture = picture_of(folder)
    deed(folder)
    assert changes(folder, picture) == changed
    assert suspicious(folder, picture) == suspects
    assert changes(folder, picture) == []
    assert picture.suspicious == []


def test_a_file_that_comes_back_has_changed_again(folder: Path) -> None:
    picture = picture_of(folder)
    for deed in (lambda p: p.unlink(), lambda p: p.touch(), lambda p: p.write_text("value")):
        deed(folder / "repo.py")
        assert changes(folder, picture) == ["repo.py"]
    assert picture.suspicious == []


def test_an_empty_file_that_is_deleted_is_not_being_written(folder: Path) -> None:
    (folder / "repo.py").write_text("")
    picture = picture_of(folder)
    (folder / "repo.py").unlink()
    assert changes(folder, picture) == ["repo.py"]
    assert picture.suspicious == []


def test_a_file_that_the_load_has_missed_has_changed_when_it_is_there(folder: Path) -> None:
    picture = Picture([], Patterns())
    picture.take(footprint(folder, [*CODE, "elsewhere/missing.toml"]))
    assert changes(folder, picture) == []
    make(folder, "elsewhere/missing.toml")
    assert changes(folder, picture) == ["elsewhere/missing.toml"]


def test_what_has_changed_during_the_load_has_changed_after_it(folder: Path) -> None:
    picture, used = Picture([], Patterns()), footprint(folder)
    (folder / "repo.py").write_text("other")
    make(folder, "new.py")
    picture.take(used)
    assert changes(folder, picture) == ["new.py", "repo.py"]


def test_a_directory_that_fills_up_is_followed(folder: Path) -> None:
    picture = picture_of(folder)
    (folder / "new").mkdir()
    assert changes(folder, picture) == []
    assert f"{folder}/new" in picture.folders
    make(folder, "new/__init__.py")
    assert changes(folder, picture) == ["new/__init__.py"]
    make(folder, "new/part.py")
    assert changes(folder, picture) == ["new/part.py"]
    picture.take(footprint(folder))
    assert changes(folder, picture) == [], "the load did not want them"
    assert f"{folder}/new" not in picture.folders


def test_a_new_load_says_what_matters(folder: Path) -> None:
    picture = picture_of(folder)
    picture.take(footprint(folder, ["unused.py"]))
    assert picture.files == {f"{folder}/unused.py"}
    (folder / "repo.py").write_text("other")
    assert changes(folder, picture) == []
    (folder / "unused.py").write_text("other")
    assert changes(folder, picture) == ["unused.py"]


def test_more_files_can_matter(folder: Path) -> None:
    """Those that are imported late; what is known of a file already is not forgotten."""
    picture = picture_of(folder)
    (folder / "repo.py").write_text("other")
    paths = [f"{folder}/repo.py", f"{folder}/elsewhere/a.py"]
    picture.add({path: mark(path) for path in paths})
    assert changes(folder, picture) == ["repo.py"]
    (folder / "elsewhere/a.py").write_text("other")
    assert changes(folder, picture) == ["elsewhere/a.py"]


def test_before_the_first_load_any_definition_file_in_these_folders_matters(folder: Path) -> None:
    picture = Picture([], Patterns(["!unused.py"]))
    picture.begin([f"{folder}/elsewhere/a.py", f"{folder}/missing.py"], [str(folder)])
    assert changes(folder, picture) == []
    for name in ("elsewhere/a.py", "missing.py", "repo.py", "unused.py", "data.csv", "new.py"):
        make(folder, name)
        (folder / name).chmod(0o600)
    expected = ["elsewhere/a.py", "missing.py", "new.py", "repo.py"]
    assert changes(folder, picture) == expected


def test_after_a_load_that_has_died_every_definition_file_beside_and_below_matters(
    folder: Path,
) -> None:
    picture = picture_of(folder)
    make(folder, "new.py")
    assert changes(folder, picture) == ["new.py"]
    picture.widen()
    assert changes(folder, picture) == []
    for name in ("new.py", "unused.py", "package/unused.yaml", "data.csv", "elsewhere/a.py"):
        (folder / name).write_text("other")
    expected = ["elsewhere/a.py", "new.py", "package/unused.yaml", "unused.py"]
    assert changes(folder, picture) == expected


def test_a_new_package_in_which_a_load_has_died_can_be_repaired(folder: Path) -> None:
    picture = picture_of(folder)
    make(folder, "new/__init__.py")
    assert changes(folder, picture) == ["new/__init__.py"]
    picture.widen()
    (folder / "new/__init__.py").write_text("other")
    assert changes(folder, picture) == ["new/__init__.py"]


def test_a_package_in_which_the_first_load_has_died_can_be_repaired(folder: Path) -> None:
    """As with `-m package.definitions`, whose import takes longer than --startup-timeout."""
    picture = Picture([], Patterns())
    picture.begin([], [str(folder)])
    picture.widen()
    (folder / "package/__init__.py").write_text("other")
    assert changes(folder, picture) == ["package/__init__.py"]


def test_what_is_excluded_matters_nowhere(folder: Path) -> None:
    picture = picture_of(folder, "!repo.py", "!new*", "!*/elsewhere/*")
    picture.add({f"{folder}/elsewhere/a.py": None})
    assert picture.files == {f"{folder}/{name}" for name in CODE if name != "repo.py"}
    (folder / "repo.py").write_text("other")
    make(folder, "new.py", "package/new.yaml", "other/new.py")
    assert changes(folder, picture) == []
    picture.widen()
    (folder / "package/new.yaml").write_text("other")
    assert changes(folder, picture) == []


ROOT_DEEDS: dict[str, tuple[Deed, list[str]]] = {
    "an edit": (lambda p: (p / "data.csv").write_text("other"), ["data.csv"]),
    "a new file": (lambda p: make(p, "new", "sub/new.txt"), ["new", "sub/new.txt"]),
    "a deletion": (lambda p: (p / "data.csv").unlink(), ["data.csv"]),
    "a replacement": (lambda p: replace(p / "data.csv"), ["data.csv"]),
    "a mode": (lambda p: (p / "data.csv").chmod(0o600), ["data.csv"]),
    "a linked file": (lambda p: (p / "link").symlink_to("data.csv"), ["link"]),
    "leftovers": (lambda p: make(p, ".repo.py.swp", "repo.py~", ".hidden", "a.pyc"), []),
    "an empty directory": (lambda p: (p / "new").mkdir(), []),
    "directories that are not looked into": (
        lambda p: make(p, "env/pyvenv.cfg", "env/a.py", "node_modules/a", ".git/a", "x/.git/a"),
        [],
    ),
}


@pytest.mark.parametrize(("deed", "changed"), ROOT_DEEDS.values(), ids=ROOT_DEEDS)
def test_everything_in_a_root_matters(folder: Path, deed: Deed, changed: list[str]) -> None:
    picture = Picture([str(folder)], Patterns())
    assert changes(folder, picture) == [], "what is there from the start"
    deed(folder)
    assert changes(folder, picture) == changed
    assert changes(folder, picture) == []


def test_links_in_a_root_that_lead_to_where_they_are_are_not_followed(folder: Path) -> None:
    (folder / "package/up").symlink_to("..")
    picture = Picture([str(folder)], Patterns())
    assert not any("/up/" in path for path in picture.files)
    assert set(picture.root_folders) == {f"{folder}{end}" for end in ("", "/package", "/elsewhere")}


def test_a_root_that_is_removed_and_comes_back(folder: Path) -> None:
    root = folder / "package"
    names = ["package/__init__.py", "package/conf.yaml", "package/unused.yaml"]
    picture = Picture([str(root)], Patterns())
    shutil.rmtree(root)
    assert changes(folder, picture) == names
    assert suspicious(folder, picture) == names
    assert (picture.root_folders, picture.folders) == ([], {str(root)})
    assert changes(folder, picture) == []
    make(folder, *names)
    assert changes(folder, picture) == names
    assert picture.suspicious == []
    assert picture.root_folders == [str(root)]


def test_a_root_has_its_patterns_and_what_the_load_has_used_has_not(folder: Path) -> None:
    picture = Picture([str(folder)], Patterns(["*.csv"]))
    picture.take(footprint(folder))
    for name in FILES:
        (folder / name).write_text("other")
    assert changes(folder, picture) == sorted([*CODE, "data.csv"])


def test_a_root_may_be_a_link(folder: Path) -> None:
    (folder / "current").symlink_to("package")
    root = folder / "current"
    picture = Picture([str(root)], Patterns())
    (folder / "package/conf.yaml").write_text("other")
    assert changes(folder, picture) == ["current/conf.yaml"]
    root.unlink()
    root.symlink_to("elsewhere")
    assert "current/a.py" in changes(folder, picture)


def test_a_root_that_is_too_large_is_watched_in_part(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(picture_module, "_MOST_FOLDERS", 2)
    picture = Picture([str(folder)], Patterns())
    assert len(picture.root_folders) == 2
    picture.changes()
    assert caplog.messages == [f"{folder} has more than 2 directories; not all are watched"]


def test_new_files_that_the_load_has_written_itself_do_not_matter(folder: Path) -> None:
    picture = Picture([], Patterns())
    picture.take(footprint(folder, written=[f"{folder}/own.yaml"]))
    make(folder, "own.yaml", "other.yaml")
    assert changes(folder, picture) == ["other.yaml"]


def test_what_is_read_in_a_root_is_compared_with_how_it_looked_then(folder: Path) -> None:
    """And not with how it looked before the load, which may have had it written anew."""
    picture = Picture([str(folder)], Patterns())
    make(folder, "package/conf.yaml", "data.csv")
    (folder / "package/conf.yaml").chmod(0o600)
    (folder / "data.csv").chmod(0o600)
    picture.take(footprint(folder))
    assert changes(folder, picture) == ["data.csv"]
    (folder / "package/conf.yaml").write_text("other")
    assert changes(folder, picture) == ["package/conf.yaml"]


def test_what_somebody_else_may_have_read_is_only_in_roots(folder: Path) -> None:
    picture = Picture([f"{folder}/package"], Patterns())
    picture.take(footprint(folder))
    paths = [f"{folder}/{name}" for name in FILES]
    assert picture.unread(paths) == {f"{folder}/package/unused.yaml"}


def test_new_files_are_told_by_a_pattern(folder: Path) -> None:
    picture = Picture([f"{folder}/elsewhere"], Patterns())
    picture.take(footprint(folder))
    make(folder, "package/new.yaml", "elsewhere/new.csv")
    (folder / "repo.py").write_text("other")
    told = {os.path.relpath(picture.what(path), folder) for path in picture.changes()}
    assert told == {"repo.py", "package/*.yaml", "elsewhere/*.csv"}


def test_which_files_are_other_ones_than_they_were_when_they_were_used(folder: Path) -> None:
    picture = picture_of(folder, "!a.py")
    uses = {path: mark(path) for path in picture.files | {f"{folder}/elsewhere/a.py"}}
    (folder / "repo.py").write_text("other")
    (folder / "elsewhere/a.py").write_text("other")
    assert picture.stale(uses) == [f"{folder}/repo.py"]


def test_what_is_the_same_as_before_a_load_was_not_rewritten_by_it(folder: Path) -> None:
    """Whatever the clock of another machine says."""
    picture = picture_of(folder)
    picture.load_begins()
    (folder / "package/conf.yaml").write_text("other")
    claimed = [f"{folder}/{name}" for name in CODE]
    picture.take(footprint(folder, rewritten=claimed))
    assert picture.rewritten == {f"{folder}/package/conf.yaml"}
