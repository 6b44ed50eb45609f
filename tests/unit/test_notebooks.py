"""Which files a caller can read as notebooks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeserver.errors import CallerError, InvalidRequest, NotFound, NotPermitted
from codeserver.worker import answers

NOTEBOOK = b'{"nbformat": 4}'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a notebook; another notebook and a key are elsewhere."""
    here = tmp_path / "here"
    (here / "deeper").mkdir(parents=True)
    (tmp_path / "here-too").mkdir()
    for path in (here, here / "deeper", tmp_path, tmp_path / "here-too"):
        (path / "a.ipynb").write_bytes(NOTEBOOK)
    (here / "content").write_bytes(NOTEBOOK)
    (tmp_path / "key").write_text("secret")
    monkeypatch.chdir(here)
    return here


def asked(path: str) -> bytes:
    return answers.answer(None, "ExternalNotebookData", path, {}).body  # type: ignore[arg-type]


def link(name: str, target: str) -> Callable[[], object]:
    return lambda: os.symlink(target, name)


GOOD: dict[str, tuple[Callable[[], object], str]] = {
    "below": (lambda: None, "deeper/a.ipynb"),
    "absolute": (lambda: None, "{here}/a.ipynb"),
    "roundabout": (lambda: None, "../here/./deeper/../a.ipynb"),
    "a link to a notebook": (link("b.ipynb", "../a.ipynb"), "b.ipynb"),
    "a link to a folder": (link("linked", ".."), "linked/a.ipynb"),
    "a link to its content": (link("b.ipynb", "content"), "b.ipynb"),
    "a mounted volume": (
        lambda: [link("..data", "deeper")(), link("b.ipynb", "..data/a.ipynb")()],
        "b.ipynb",
    ),
}


@pytest.mark.parametrize("what", GOOD)
def test_notebooks(folder: Path, what: str) -> None:
    make, path = GOOD[what]
    make()
    assert asked(path.format(here=folder)) == NOTEBOOK


OUTSIDE = "outside the working directory"
BAD: dict[str, tuple[Callable[[], Any], str, type[CallerError], str]] = {
    "no notebook": (lambda: None, "content", InvalidRequest, "unexpected file extension"),
    "no path": (lambda: None, "", InvalidRequest, "unexpected file extension"),
    "elsewhere": (lambda: None, "../a.ipynb", NotPermitted, OUTSIDE),
    "beside": (lambda: None, "../here-too/a.ipynb", NotPermitted, OUTSIDE),
    "below a root": (lambda: None, "/proc/self/cwd/a.ipynb", NotPermitted, OUTSIDE),
    "a link to a key": (link("b.ipynb", "../key"), "b.ipynb", NotPermitted, "to another file"),
    "a link to a device": (
        link("b.ipynb", "/dev/zero"),
        "b.ipynb",
        NotPermitted,
        "to another file",
    ),
    "a pipe": (lambda: os.mkfifo("b.ipynb"), "b.ipynb", InvalidRequest, "not a regular file"),
    "a folder": (lambda: os.mkdir("b.ipynb"), "b.ipynb", InvalidRequest, "not a regular file"),
    "a null byte": (lambda: None, "a\0.ipynb", InvalidRequest, "null"),
    "a long path": (lambda: None, "a/" * 3000 + ".ipynb", InvalidRequest, "cannot be read"),
    "a circle": (link("b.ipynb", "b.ipynb"), "b.ipynb", InvalidRequest, "cannot be read"),
    "nothing": (lambda: None, "b.ipynb", NotFound, "There is no notebook"),
    "a link to nothing": (link("b.ipynb", "c.ipynb"), "b.ipynb", NotFound, "There is no"),
    "too long": (
        lambda: [Path("b.ipynb").touch(), os.truncate("b.ipynb", 400_000_001)],
        "b.ipynb",
        InvalidRequest,
        "it is longer than 381 MiB",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str) -> None:
    make, path, error, reason = BAD[what]
    make()
    with pytest.raises(error, match=reason):
        asked(path)


def test_the_whole_file_system(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """With the working directory `/`, links of /proc would lead into other containers."""
    monkeypatch.chdir("/")
    assert asked(f"{folder}/a.ipynb") == NOTEBOOK
    if os.path.isdir("/proc/self/root"):
        assert asked(f"/proc/self/root{folder}/a.ipynb") == NOTEBOOK, "it is this root"
    with pytest.raises(NotFound):
        asked("/proc/self/fd/a.ipynb")
