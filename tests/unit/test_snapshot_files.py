"""Which snapshot fits, and what is said of one that does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.snapshot import baked, file, fingerprint, v1
from codeserver.snapshot.file import UnusableSnapshot
from codeserver.snapshot.restoring import read_matching
from codeserver.supervisor.loading.host_maker import load_order
from codeserver.target import Target

SNAPSHOT = "location.snap"
CONFIG = Config()
TARGET = Target(python_file="served.py")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with code, an installed package, and a snapshot of it all."""
    here = tmp_path / "here"
    (here / "defs").mkdir(parents=True)
    (here / "served.py").write_text("import helper")
    (here / "defs" / "data.yaml").write_text("a: 1")
    installed = tmp_path / "site-packages" / "shop-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "RECORD").write_text("shop/__init__.py,sha256=abc,3")
    monkeypatch.syspath_prepend(installed.parent)
    monkeypatch.chdir(here)
    files = [str(here / "served.py"), "defs/data.yaml", str(here / ".env")]
    taken = fingerprint.take(CONFIG, TARGET, files, [str(here), str(here / "defs")])
    file.write(Path(SNAPSHOT), v1.LocationSnapshot(fingerprint=taken))
    return here


def test_it_fits(folder: Path) -> None:
    message = read_matching(SNAPSHOT, CONFIG, TARGET)

    assert set(message.fingerprint.files) == {"served.py", "defs/data.yaml", ".env"}
    assert set(message.fingerprint.directories) == {"", "defs"}
    assert message.fingerprint.settings == {"--python-file": "served.py"}
    assert message.fingerprint.distributions["shop-1.0"]
    assert any(name.startswith("dagster-1.") for name in message.fingerprint.distributions)


def test_what_does_not_matter(folder: Path) -> None:
    (folder / "notes.txt").write_text("no part of the definitions")
    (folder / "__pycache__").mkdir()
    (folder / "logs").mkdir()
    (folder / "logs" / "dagster.yaml").touch()
    (folder / "served.py").touch()

    read_matching(SNAPSHOT, Config(container_image="shop:2", port=4001, watch=True), TARGET)


def test_another_directory(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "there"
    folder.rename(there)
    monkeypatch.chdir(there)

    read_matching(SNAPSHOT, CONFIG, TARGET)


def rename(old: str, new: str) -> None:
    Path(old).rename(new)


def change(name: str, text: str | None) -> Callable[[], Any]:
    return lambda: Path(name).write_text(text) if text is not None else Path(name).unlink()


def changed(change: Callable[[v1.LocationSnapshot], object]) -> None:
    """Change the snapshot, so that it is whole all the same."""
    message = file.read(SNAPSHOT)
    change(message)
    file.write(Path(SNAPSHOT), message)


RECORD = "../site-packages/shop-1.0.dist-info/RECORD"
PACKAGE = "../site-packages/shop-{}.dist-info"
OTHER = {
    "a module": (change("served.py", "import other"), "served.py has changed"),
    "data": (change("defs/data.yaml", "a: 2"), "defs/data.yaml has changed"),
    "a file is gone": (
        change("defs/data.yaml", None),
        "defs/data.yaml is gone or cannot be read; files have come or gone in defs",
    ),
    "a file is there now": (change(".env", "A=1"), ".env is new"),
    "a file beside": (change("more.py", ""), "files have come or gone in ."),
    "a file in a folder": (change("defs/more.sql", ""), "files have come or gone in defs"),
    "a package is another": (change(RECORD, "x"), "the files of package shop-1.0 have changed"),
    "a package is upgraded": (
        lambda: rename(PACKAGE.format("1.0"), PACKAGE.format("1.1")),
        "package shop-1.0 is not installed any more; package shop-1.1 was not installed",
    ),
    "many": (
        lambda: [
            change("defs/data.yaml", "")(),
            change("served.py", "")(),
            change(".env", "")(),
            change("x.py", "")(),
        ],
        ".env is new; defs/data.yaml has changed; served.py has changed; and 1 more",
    ),
    "cut off": (
        lambda: Path(SNAPSHOT).write_bytes(Path(SNAPSHOT).read_bytes()[:-1]),
        "it is damaged: its checksum is not that of its content",
    ),
    "something else": (
        change(SNAPSHOT, "x" * 99),
        "it is no snapshot; make one with `codeserver snapshot`",
    ),
    "empty": (change(SNAPSHOT, ""), "it is no snapshot; make one with `codeserver snapshot`"),
    "a file is a pipe": (
        lambda: [change("served.py", None)(), os.mkfifo("served.py")],
        "served.py is gone or cannot be read",
    ),
    "a file is a device": (
        lambda: [change("served.py", None)(), os.symlink("/dev/zero", "served.py")],
        "served.py is gone or cannot be read",
    ),
    "a pipe": (
        lambda: [change(SNAPSHOT, None)(), os.mkfifo(SNAPSHOT)],
        "it cannot be read (it is not a regular file)",
    ),
    "a device": (
        lambda: [change(SNAPSHOT, None)(), os.symlink("/dev/zero", SNAPSHOT)],
        "it cannot be read (it is not a regular file)",
    ),
    "a null byte in a path": (
        lambda: changed(lambda message: message.fingerprint.files.update({"a\0b": "x"})),
        "a\0b is gone or cannot be read",
    ),
    "too long": (
        lambda: os.truncate(SNAPSHOT, (1 << 30) + 1),
        "it cannot be read (it is longer than 1024 MiB)",
    ),
    "not there": (
        change(SNAPSHOT, None),
        "it cannot be read (No such file or directory)",
    ),
}


@pytest.mark.parametrize("what", OTHER)
def test_it_does_not_fit(what: str) -> None:
    act, reason = OTHER[what]
    act()

    with pytest.raises(UnusableSnapshot) as caught:
        read_matching(SNAPSHOT, CONFIG, TARGET)

    assert str(caught.value) == reason


COUNTS = [v1.Count(kind=kind) for kind in ("jobs", "assets", "schedules", "sensors")]
CONTENT: dict[str, dict[str, Any]] = {
    "a listing that is no JSON": {"listing": b"no JSON"},
    "a listing that is no object": {"listing": b"[]"},
    "a listing that is no text": {"listing": b"\xff"},
    "a listing that is too deep": {"listing": b"[" * 100_000},
    "definitions that are no JSON": {"definitions": b"{{"},
    "definitions that are no objects": {"definitions": b'{"job": ["a"]}'},
    "definitions without what differs": {"definitions": b'{"job": {"a": 1}}'},
    "a time before all others": {"created_at": Timestamp(seconds=-5)},
    "a time that never comes": {"created_at": Timestamp(seconds=1 << 62)},
    "a repository that is no text": {
        "repositories": [v1.Repository(deferred=b"\xff", counts=COUNTS)]
    },
    "a job that is no text": {
        "repositories": [v1.Repository(jobs=[v1.Job(name="a", data=b"\xff")], counts=COUNTS)]
    },
    "no counts": {"repositories": [v1.Repository(name="a")]},
}


@pytest.mark.parametrize("fields", CONTENT.values(), ids=CONTENT)
async def test_content_that_nobody_could_be_answered_with(fields: dict[str, Any]) -> None:
    order = load_order(CONFIG, TARGET, ".", None)
    well = {
        "listing": b"{}",
        "definitions": b'{"job": {"a": "1"}}',
        "created_at": Timestamp(seconds=1),
        "repositories": [v1.Repository(name="a", deferred=b"{}", counts=COUNTS)],
    }
    assert baked.from_message(v1.LocationSnapshot(**well), order)[1] == 1
    with pytest.raises(UnusableSnapshot, match=r"^its content is not that of a snapshot \("):
        baked.from_message(v1.LocationSnapshot(**{**well, **fields}), order)


def test_long_files_are_not_read_to_their_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "_MOST_BYTES", 3)
    digests = []
    for text in ("123", "1234", "1239", "12345", "x234"):
        Path("data.bin").write_text(text)
        digests.append(fingerprint.take(CONFIG, TARGET, ["data.bin"], []).files["data.bin"])
    assert digests[1] == digests[2], "its size and its beginning are the same"
    assert len({*digests}) == 4


@pytest.mark.parametrize(
    ("config", "target", "reason"),
    [
        (CONFIG, Target(python_file="b.py"), "--python-file was served.py and is b.py"),
        (
            CONFIG,
            Target(python_file="served.py", attribute="defs"),
            "--attribute was not given and is defs",
        ),
        (
            Config(defs_state_info="{}"),
            TARGET,
            "--defs-state-info was not given and is {}",
        ),
        (
            Config(location_name="shop"),
            TARGET,
            "--location-name was not given and is shop",
        ),
    ],
)
def test_settings_that_decide_what_is_loaded(config: Config, target: Target, reason: str) -> None:
    with pytest.raises(UnusableSnapshot) as caught:
        read_matching(SNAPSHOT, config, target)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("codeserver_version", "codeserver was 0.0.1 and is "),
        ("python_version", "Python was 0.0.1 and is CPython 3."),
    ],
)
def test_versions(field: str, reason: str) -> None:
    message = file.read(SNAPSHOT)
    setattr(message.fingerprint, field, "0.0.1")
    file.write(Path(SNAPSHOT), message)

    with pytest.raises(UnusableSnapshot) as caught:
        read_matching(SNAPSHOT, CONFIG, TARGET)

    assert str(caught.value).startswith(reason)


def test_it_is_written_whole_or_not_at_all(folder: Path) -> None:
    before = sorted(folder.iterdir())
    for place in ("nowhere/location.snap", "defs"):
        with pytest.raises(OperatorError, match=f"{place} cannot be written: "):
            file.write(Path(place), v1.LocationSnapshot())
    assert sorted(folder.iterdir()) == before
