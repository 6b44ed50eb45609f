"""How files look: whatever is done to one shows, and nothing else does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from codeserver import marks
from codeserver.marks import mark, names_that_count

LONG_AGO = (1_000_000_000, 1_000_000_000)


def edit_in_the_same_moment(path: Path) -> None:
    before = path.stat()
    path.write_text("values")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_one_that_looks_the_same(path: Path) -> None:
    before = path.stat()
    new = path.with_name("new")
    new.write_bytes(path.read_bytes())
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


def touch_within_the_second(path: Path) -> None:
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000))


def lead_elsewhere(path: Path) -> None:
    path.with_name("elsewhere").write_text("value")
    os.utime(path.with_name("elsewhere"), LONG_AGO)
    path.unlink()
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "change",
    [
        edit_in_the_same_moment,
        replace_by_one_that_looks_the_same,
        touch_within_the_second,
        lead_elsewhere,
        lambda path: path.chmod(0o600),
        lambda path: path.unlink(),
    ],
)
def test_a_change_shows(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "file.py"
    path.write_text("value")
    path.chmod(0o644)
    os.utime(path, LONG_AGO)
    before = mark(str(path))
    assert before is not None
    change(path)
    assert mark(str(path)) != before


@pytest.mark.parametrize(
    "use",
    [
        lambda path: path.read_text(),
        lambda path: os.utime(path, ns=(1, path.stat().st_mtime_ns)),
        lambda path: path.with_name("other").write_text("value"),
    ],
)
def test_what_is_no_change_does_not_show(tmp_path: Path, use: Callable[[Path], None]) -> None:
    path = tmp_path / "file.py"
    path.write_text("value")
    before = mark(str(path))
    use(path)
    assert mark(str(path)) == before


def test_a_link_looks_like_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("value")
    (tmp_path / "link").symlink_to("file")
    assert mark(f"{tmp_path}/link") == mark(f"{tmp_path}/file")


def test_a_mark_travels_as_json(tmp_path: Path) -> None:
    found = mark(str(tmp_path))
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "name", ["missing", "missing/file", "file/file", "nul\0", "n" * 300, "nowhere", "loop"]
)
def test_what_is_not_there_has_no_mark(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("value")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "loop").symlink_to("loop")
    assert mark(f"{tmp_path}/{name}") is None


def test_names_that_count(tmp_path: Path) -> None:
    for name in ("a.py", "b.yaml", "c.yml", "d.sql", "data.csv", "README", ".hidden.py", "x.pyc"):
        (tmp_path / name).touch()
    for name in ("package", ".git", "__pycache__", "v1.2"):
        (tmp_path / name).mkdir()
    (tmp_path / "linked").symlink_to("package")
    (tmp_path / "linked.py").symlink_to("missing")
    (tmp_path / "broken").symlink_to("missing")
    files, folders = names_that_count(str(tmp_path))
    assert sorted(files) == ["a.py", "b.yaml", "c.yml", "d.sql", "linked.py"]
    assert sorted(folders) == ["linked", "package", "v1.2"]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_where_no_directory_is_no_names_count(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert names_that_count(f"{tmp_path}/{name}") == ([], [])


def test_a_crowded_directory_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_MOST_NAMES", 3)
    for number in range(5):
        (tmp_path / f"{number}.py").touch()
    assert len(names_that_count(str(tmp_path))[0]) == 3
