"""Open files across real forks: what two forks of a process see of them, one after the other.

Every case is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import PATIENCE
from tests.support.portable import needs_linux

_PROGRAM = """
import fcntl, json, mmap, os, sys
from codeserver.worker.process.inherited_files import inherited_files, open_again

before, in_fork, after, in_turn = json.loads(sys.argv[1])
names = {**globals(), "path": sys.argv[2]}
exec(before, names)
files = inherited_files()
seen = []
for number in (1, 2):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        names["number"] = number
        open_again(files, in_turn=in_turn)
        os.write(writing, json.dumps(eval(in_fork, names)).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        seen.append(json.loads(pipe.read()))
    os.waitpid(pid, 0)
print(json.dumps([seen, eval(after, names)]))
"""

_CONTENT = "abcdefgh"
_READ = "os.read(file, 3).decode()"
_WRITE = "os.write(file, str(number).encode())"
_FLAGS = "fcntl.fcntl(file, fcntl.F_GETFL), os.get_inheritable(file)"


def _fork_twice(
    path: Path, before: str, in_fork: str, after: str = "None", *, in_turn: bool = False
) -> tuple[list[object], object]:
    """What `in_fork` is in each of two forks, and then `after` in their parent."""
    path.write_text(_CONTENT)
    case = json.dumps([before, in_fork, after, in_turn])
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, case, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    seen, afterwards = json.loads(ended.stdout)
    return seen, afterwards


@pytest.mark.parametrize(
    ("before", "in_fork", "expected"),
    [
        pytest.param("file = os.open(path, os.O_RDONLY)", _READ, "abc", id="from the beginning"),
        pytest.param(
            "file = os.open(path, os.O_RDONLY); os.read(file, 4)",
            _READ,
            "efg",
            id="from a position",
        ),
        pytest.param("file = open(path); file.read(4)", "file.read()", "efgh", id="read ahead"),
        pytest.param(
            "import csv; rows = csv.reader(open(path))", "list(rows)", [[_CONTENT]], id="reader"
        ),
        pytest.param(
            "file = os.open(path, os.O_RDONLY); os.unlink(path)",
            _READ,
            "abc",
            id="deleted",
            marks=needs_linux("it has no name elsewhere"),
        ),
        pytest.param(
            "file = os.open(path, os.O_RDWR)",
            f"[{_WRITE}, {_READ}]",
            [1, "bcd"],
            id="read and written",
        ),
        pytest.param(
            "file = os.open(path, os.O_RDONLY); copy = os.dup(file)",
            f"[{_READ}, {_READ.replace('file', 'copy')}]",
            ["abc", "def"],
            id="duplicated",
        ),
        pytest.param(
            "file, other = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)",
            f"[{_READ}, {_READ.replace('file', 'other')}]",
            ["abc", "abc"],
            id="opened twice",
        ),
        pytest.param(
            "file = os.open(path, os.O_RDONLY); view = mmap.mmap(file, 0, prot=mmap.PROT_READ)",
            f"[{_READ}, view[:].decode()]",
            ["abc", _CONTENT],
            id="mapped",
        ),
        pytest.param(
            "file = os.open(os.path.dirname(path), os.O_RDONLY)",
            "os.listdir(file)",
            ["opened"],
            id="folder",
        ),
    ],
)
def test_a_fork_reads_what_nobody_has_read_before(
    before: str, in_fork: str, expected: object, tmp_path: Path
) -> None:
    seen, _ = _fork_twice(tmp_path / "opened", before, in_fork)

    assert seen == [expected, expected]


@pytest.mark.parametrize(
    "flags",
    [
        "os.O_RDONLY | os.O_CLOEXEC",
        "os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND",
        "os.O_RDWR | os.O_NONBLOCK | os.O_SYNC | os.O_NOFOLLOW",
        pytest.param("os.O_RDONLY | os.O_PATH", marks=needs_linux("only Linux has it")),
    ],
)
def test_it_is_open_as_it_was(flags: str, tmp_path: Path) -> None:
    opening = f"file = os.open(path, {flags}); os.set_inheritable(file, {'CLOEXEC' not in flags})"

    seen, afterwards = _fork_twice(tmp_path / "opened", opening, _FLAGS, _FLAGS)

    assert _without_hints(seen[0]) == _without_hints(seen[1]) == _without_hints(afterwards)


def _without_hints(told: object) -> object:
    assert isinstance(told, list)
    # How the path was to be looked up; the file is open already.
    return [told[0] & ~os.O_NOFOLLOW, told[1]]


@pytest.mark.parametrize(
    ("opening", "in_turn", "content"),
    [
        pytest.param("os.O_WRONLY | os.O_TRUNC", True, "12", id="in turn"),
        pytest.param("os.O_WRONLY | os.O_TRUNC", False, "2", id="each for itself"),
        pytest.param("os.O_RDWR | os.O_TRUNC", True, "2", id="also read"),
        pytest.param("os.O_WRONLY | os.O_APPEND", True, "abcdefgh12", id="appended in turn"),
        pytest.param("os.O_WRONLY | os.O_APPEND", False, "abcdefgh12", id="appended"),
    ],
)
def test_what_forks_write(opening: str, in_turn: bool, content: str, tmp_path: Path) -> None:
    before = f"file = os.open(path, {opening})"

    _fork_twice(tmp_path / "opened", before, _WRITE, in_turn=in_turn)

    assert (tmp_path / "opened").read_text() == content


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(
            "file = os.open(path, os.O_RDONLY); fcntl.flock(file, fcntl.LOCK_SH)",
            id="lock",
            marks=needs_linux("locks are seen on Linux only"),
        ),
        pytest.param(
            "file = os.memfd_create('name'); os.write(file, b'abcdefgh'); os.lseek(file, 0, 0)",
            id="without a name",
        ),
        pytest.param("file, end = os.pipe(); os.write(end, b'abcdefgh')", id="pipe"),
    ],
)
def test_what_forks_cannot_have_for_themselves_they_share(before: str, tmp_path: Path) -> None:
    """As when the operator wants forks, whatever was found."""
    seen, _ = _fork_twice(tmp_path / "opened", before, _READ)

    assert seen == ["abc", "def"]
