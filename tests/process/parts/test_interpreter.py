"""Another Python than that of the server: what it is, and each reason why it cannot load code."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codeserver.errors import OperatorError
from codeserver.supervisor.processes import interpreter

ELF_OF_ANOTHER = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf3\xf3" + bytes(100)


def script(text: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        path.write_text(text)
        path.chmod(0o755)

    return write


def bytes_(content: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(0o755)

    return write


def environment(path: Path) -> None:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").touch()


OLD = """#!/bin/sh
printf '[[3, 9], "CPython", "3.9.18", [""]]' > /proc/self/fd/$3
"""
BROKEN = """#!/bin/sh
echo 'Python path configuration:' >&2
echo 'Fatal Python error: init_fs_encoding: failed to get the Python codec' >&2
echo '<no Python frame>' >&2
exit 1
"""

CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, "does not exist"),
    "a directory": (Path.mkdir, "is a directory; give the path of a Python interpreter."),
    "an environment": (environment, "is a directory; give {path}/bin/python."),
    "a dangling link": (
        lambda path: path.symlink_to("/nowhere/python"),
        "is a link to /nowhere/python, which does not exist; make the environment anew.",
    ),
    "a file": (Path.touch, "cannot be executed (Permission denied); check its permissions."),
    "another architecture": (
        bytes_(ELF_OF_ANOTHER),
        "is of another architecture, or no program (Exec format error); give one that is.",
    ),
    "the program of a script is missing": (
        script("#!/nowhere/sh\n"),
        "names a program in its first line, or a loader, that does not exist; reinstall it.",
    ),
    "silent": (script("#!/bin/sh\n"), "is not a Python interpreter; give the path of one."),
    "no Python": (
        script("#!/bin/sh\necho no such option >&2; exit 2\n"),
        "is not a Python interpreter, or it is broken: it exited with code 2 (no such option).",
    ),
    "killed": (
        script("#!/bin/sh\nkill -9 $$\n"),
        "is not a Python interpreter, or it is broken: it was killed by signal 9 (SIGKILL).",
    ),
    "broken": (
        script(BROKEN),
        "it exited with code 1 (Fatal Python error: init_fs_encoding: failed to get the Python "
        "codec).",
    ),
    "old": (script(OLD), "is Python 3.9.18; give one of version 3.10 or newer."),
}


@pytest.mark.parametrize(("make", "message"), CASES.values(), ids=CASES)
def test_no_python_for_code(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "other"
    make(path)
    with pytest.raises(OperatorError) as error:
        interpreter.check(str(path), "CODESERVER_PYTHON")
    assert str(error.value).startswith(f"CODESERVER_PYTHON {path} ")
    assert message.format(path=path) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_name_of_one_that_is_found_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"does not exist; there is .*/sh\.$"):
        interpreter.check(str(tmp_path / "sh"))


def test_a_null_byte() -> None:
    with pytest.raises(OperatorError, match="is no path: embedded null byte"):
        interpreter.check("/usr/bin/py\0thon")


def test_what_a_python_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its `sitecustomize` prints."""
    (tmp_path / "sitecustomize.py").write_text("import sys; print('{}'); sys.stderr.write('hm')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    link = tmp_path / "python"
    os.symlink(sys.executable, link)

    told = interpreter.about(str(link))

    assert told.version == platform.python_version()
    assert told.implementation == platform.python_implementation()
    assert str(tmp_path) in told.path
    assert told == interpreter.about(str(link))


def test_our_own_is_not_asked() -> None:
    assert interpreter.about(None).version == platform.python_version()
    assert list(interpreter.about(None).path) == sys.path
    interpreter.check(None)
