"""Files that are no files, that are too long, and links that others have put in the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeserver import contents
from codeserver.cli.options import output
from codeserver.snapshot import file, v1

READERS = [contents.read_regular, contents.read_once]


def no_directory(path: Path) -> None:
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a directory": (no_directory, "Is a directory|it is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is not a reg|longer than 1 KiB"),
    "too long": (lambda path: path.write_bytes(bytes(1025)), "it is longer than 1 KiB"),
    "not there": (lambda path: None, "No such file"),
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("what", BAD)
def test_bad_files(tmp_path: Path, what: str, read: Callable[[str, int], bytes]) -> None:
    make, reason = BAD[what]
    make(tmp_path / "file")
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc") else []
    with pytest.raises(OSError, match=reason):
        read(str(tmp_path / "file"), 1024)
    after = os.listdir("/proc/self/fd") if os.path.isdir("/proc") else []
    assert len(after) == len(before), "no descriptor stays open"


@pytest.mark.parametrize("read", READERS)
def test_good_files(tmp_path: Path, read: Callable[[str, int], bytes]) -> None:
    (tmp_path / "file").write_bytes(bytes(1024))
    (tmp_path / "link").symlink_to("file")
    assert read(str(tmp_path / "link"), 1024) == bytes(1024)
    with pytest.raises(OSError, match="null"):
        read("a\0b", 1024)


def test_pipes(tmp_path: Path) -> None:
    """A pipe can be read once, and one that nobody writes holds nobody up."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is not a regular file"):
        contents.read_regular(pipe, 1024)
    assert contents.read_once(pipe, 1024) == b""
    reading, writing = os.pipe()
    os.write(writing, b"told")
    os.close(writing)
    assert contents.read_once(f"/dev/fd/{reading}", 1024) == b"told"
    os.close(reading)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a snapshot": lambda path: file.write(path, v1.LocationSnapshot()),
    "a document": lambda path: output.write(path, "text", "text", at_once=True),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_link_beside_is_not_followed(tmp_path: Path, write: Callable[[Path], object]) -> None:
    """In a directory where others may write, they can guess the id of a process."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (tmp_path / f".out.{os.getpid()}").symlink_to(mine)
    write(tmp_path / "out")
    assert mine.read_text() == "mine"
    assert (tmp_path / "out").is_file()


def test_nothing_there_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    mine = tmp_path / "mine"
    mine.write_text("mine")
    beside = tmp_path / f".out.{bytes(8).hex()}"
    beside.symlink_to(mine)
    with pytest.raises(FileExistsError):
        contents.replace(tmp_path / "out", b"other")
    assert mine.read_text() == "mine"
    assert beside.is_symlink(), "the file of somebody else is not removed"


def test_a_link_is_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (tmp_path / "out").symlink_to(mine)
    contents.replace(tmp_path / "out", b"other")
    assert mine.read_text() == "mine"
    assert (tmp_path / "out").read_bytes() == b"other"
    assert sorted(os.listdir(tmp_path)) == ["mine", "out"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_snapshot_is_as_readable_as_other_files(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        file.write(tmp_path / "out", v1.LocationSnapshot())
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == mode
