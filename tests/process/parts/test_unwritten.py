"""What a fork leaves unwritten at its end, and what stock's interpreter would have written.

Every case is a process of its own, which forks one that ends as a run does.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.eventually import PATIENCE

_PROGRAM = """
import bz2, codecs, ctypes, gc, gzip, io, json, lzma, os, sys, zipfile
from tempfile import NamedTemporaryFile, TemporaryDirectory
from codeserver.worker.process import unwritten
from codeserver.worker.process import basics
from codeserver.worker.process.leaving import disown_inherited, leave

before, in_fork = json.loads(sys.argv[1])
path, kept = sys.argv[2], {}
exec(before, globals())
unwritten.settle()
gc.collect()
gc.freeze()
pid = os.fork()
if pid == 0:
    disown_inherited()
    exec(in_fork, globals())
    leave(7, (), unwritten.finish, basics.flush)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
os._exit(0)
"""


def _fork(path: Path, in_fork: str, before: str = "") -> str:
    """Have a fork do this after its parent has done something else; returns what it prints."""
    case = json.dumps([before, in_fork])
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, case, str(path)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _in_archive(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("rows").decode()


def _gunzipped(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


KEPT = "kept['file'] = file\n"
IN_CYCLE = """
class Writer: pass
writer = Writer()
writer.itself, writer.file = writer, open(path, "w")
writer.file.write("rows")
del writer
"""
FINALIZER = """
class Writer:
    def __init__(self): self.file = open(path, "w")
    def __del__(self): self.file.write("rows")
kept["writer"] = Writer()
"""
FAULTY = """
class Faulty:
    def __del__(self): sys.exit("no way")
kept["faulty"] = Faulty()
"""
STUBBORN = """
class Meta(type):
    def __getattribute__(cls, name): raise RuntimeError(name)
class Stubborn(metaclass=Meta):
    def __getattribute__(self, name): raise RuntimeError(name)
    def __eq__(self, other): raise RuntimeError
    __hash__ = None
kept["stubborn"] = [Stubborn()]
"""


@pytest.mark.parametrize(
    ("in_fork", "read"),
    [
        pytest.param("file = open(path, 'w'); file.write('rows')\n" + KEPT, _text, id="text"),
        pytest.param("file = open(path, 'wb'); file.write(b'rows')\n" + KEPT, _text, id="bytes"),
        pytest.param("file = open(path, 'w+b'); file.write(b'rows')\n" + KEPT, _text, id="both"),
        pytest.param(IN_CYCLE, _text, id="in a cycle"),
        pytest.param(
            "file = codecs.open(path, 'w', 'utf-8'); file.write('rows')\n" + KEPT,
            _text,
            id="codecs",
        ),
        pytest.param(
            "file = gzip.open(path, 'wb'); file.write(b'rows')\n" + KEPT, _gunzipped, id="gzip"
        ),
        pytest.param(
            "file = gzip.open(path, 'wt'); file.write('rows')\n" + KEPT, _gunzipped, id="gzip text"
        ),
        pytest.param(
            "file = gzip.GzipFile(fileobj=open(path, 'wb')); file.write(b'rows')\n" + KEPT,
            _gunzipped,
            id="gzip over a file",
        ),
        pytest.param(
            "file = bz2.open(path, 'wt'); file.write('rows')\n" + KEPT,
            lambda path: bz2.decompress(path.read_bytes()).decode(),
            id="bz2",
        ),
        pytest.param(
            "file = lzma.open(path, 'wb'); file.write(b'rows')\n" + KEPT,
            lambda path: lzma.decompress(path.read_bytes()).decode(),
            id="lzma",
        ),
        pytest.param(
            "file = bz2.BZ2File(gzip.open(path, 'wb'), 'w'); file.write(b'rows')\n" + KEPT,
            lambda path: bz2.decompress(gzip.decompress(path.read_bytes())).decode(),
            id="bz2 in gzip",
        ),
        pytest.param(
            "file = zipfile.ZipFile(path, 'w'); file.writestr('rows', 'rows')\n" + KEPT,
            _in_archive,
            id="zip",
        ),
        pytest.param(FINALIZER, _text, id="finalizer"),
        pytest.param(FAULTY + FINALIZER, _text, id="beside a faulty finalizer"),
        pytest.param(STUBBORN + FINALIZER, _text, id="beside objects that raise"),
    ],
)
def test_what_a_fork_has_made_is_written(
    in_fork: str, read: Callable[[Path], str], tmp_path: Path
) -> None:
    _fork(tmp_path / "out", in_fork)

    assert read(tmp_path / "out") == "rows"


@pytest.mark.parametrize(
    ("before", "in_fork", "content"),
    [
        pytest.param("file = open(path, 'w')", "file.write('rows')", "rows", id="only the fork"),
        pytest.param("file = open(path, 'w'); file.write('a')", "", "a", id="only the parent"),
        pytest.param(
            "file = open(path, 'a'); file.write('a\\n')", "file.write('b\\n')", "a\nb\n", id="both"
        ),
    ],
)
def test_a_file_that_was_open_before(
    before: str, in_fork: str, content: str, tmp_path: Path
) -> None:
    _fork(tmp_path / "out", in_fork, before)

    assert _text(tmp_path / "out") == content


def test_objects_of_the_parent_are_not_finalized(tmp_path: Path) -> None:
    before = "kept['a'] = TemporaryDirectory(dir=path), NamedTemporaryFile(dir=path)"

    printed = _fork(tmp_path, before.replace("'a'", "'b'"), FAULTY + before)

    assert not printed
    assert len(list(tmp_path.iterdir())) == 2  # and not those of the fork


def test_a_fault_is_told_as_python_tells_it(tmp_path: Path) -> None:
    printed = _fork(tmp_path, FAULTY)

    assert printed.startswith("Exception ignored in: ")
    assert printed.rstrip().endswith("SystemExit: no way")


def test_what_native_code_prints(tmp_path: Path) -> None:
    printf = "ctypes.CDLL(None).printf(b'{} ')"

    assert _fork(tmp_path, printf.format("fork"), printf.format("parent")) == "parent fork "


USES_FORK_SERVER = """
import multiprocessing
with multiprocessing.get_context("forkserver").Pool(1) as pool:
    print(pool.map(abs, [-1]), flush=True)
del pool
gc.collect()
"""


def test_the_fork_server_of_multiprocessing_is_the_parents(tmp_path: Path) -> None:
    """From Python 3.14 on, `multiprocessing` uses one by default."""
    assert _fork(tmp_path, USES_FORK_SERVER, before=USES_FORK_SERVER) == "[1]\n[1]\n"
