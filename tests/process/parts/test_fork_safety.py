"""Whether a host may fork after its code was loaded, with the libraries that users import.

Every case is a process of its own. What is trusted is also tried: forks that use the library.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codeserver.worker.process import fork_safety, originals
from codeserver.worker.process.fork_safety import reasons_not_to_fork
from tests.support.eventually import PATIENCE
from tests.support.portable import needs_linux
from tests.support.postgres import postgres

pytestmark = needs_linux("forks are trusted on Linux only")

_PROGRAM = """
import json, os, signal, sys
from codeserver.worker.process.fork_safety import reasons_not_to_fork

at_import, in_fork, forks, patience = json.loads(sys.argv[1])
module = {}
exec(at_import, module)
reasons = reasons_not_to_fork(module.get("own_fds", ()))
ends = []
for _ in range(0 if reasons else forks):
    pid = os.fork()
    if pid == 0:
        signal.alarm(patience)  # a deadlock ends by that signal
        try:
            exec(in_fork, module)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    if ends[-1]:
        break
print(json.dumps([reasons, ends]), flush=True)
os._exit(0)  # daemonic threads and open loops are part of the cases
"""

_FORKS = 5

NUMPY = """
import numpy
matrix = numpy.ones((500, 500))
assert (matrix @ matrix)[0, 0] == 500
"""
PANDAS = """
import pandas
frame = pandas.DataFrame({"key": ["a", "b"] * 50_000, "value": 1.0})
assert frame.groupby("key").value.sum()["a"] == 50_000
"""
ARROW = """
import pyarrow, pyarrow.dataset
table = pyarrow.table({"key": [1, 2] * 50_000, "value": [1] * 100_000})
assert table.group_by("key").aggregate([("value", "sum")]).num_rows == 2
assert pyarrow.dataset.dataset(table).to_table().num_rows == 100_000
"""
POLARS = """
import polars
frame = polars.LazyFrame({"key": [1, 2] * 50_000, "value": 1})
assert frame.group_by("key").agg(polars.col("value").sum()).collect().height == 2
"""
DUCKDB = """
import duckdb
connection = duckdb.connect()
assert connection.sql("select sum(range) from range(1000000)").fetchall()
"""
SCIPY = """
import numpy, scipy.linalg
scipy.linalg.svd(numpy.ones((200, 200)))
"""
SKLEARN = """
import numpy, sklearn.cluster
sklearn.cluster.KMeans(3, n_init=1).fit(numpy.random.rand(5000, 5))
"""
BOTO3 = """
import boto3
client = boto3.client(
    "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
)
"""
SQLITE = """
import sqlalchemy
engine = sqlalchemy.create_engine("sqlite:///PATH")
connection = engine.connect()
connection.execute(sqlalchemy.text("create table numbers (number integer)"))
connection.commit()
"""
GRPC = """
import grpc
channel = grpc.insecure_channel("127.0.0.1:1")
try:
    channel.unary_unary("/service/method")(b"", timeout=10)
except grpc.RpcError:
    pass
"""
GRPC_IN_FORK = GRPC + "else:\n    raise AssertionError"
SQLITE_READ_ONLY = """
import sqlite3
writer = sqlite3.connect("PATH")
writer.execute("pragma journal_mode = JOURNAL")
writer.execute("create table numbers (number integer)")
writer.executemany("insert into numbers values (?)", ((number,) for number in range(5000)))
writer.commit()
writer.close()
reader = sqlite3.connect("file:PATH?mode=ro", uri=True)
assert reader.execute("select count(*) from numbers").fetchone() == (5000,)
"""
SQLITE_IN_FORK = """
for _ in range(100):
    assert reader.execute("select count(*) from numbers").fetchone() == (5000,)
"""
PYPROJ = """
import pyproj
assert pyproj.CRS("EPSG:25832").name
assert pyproj.Transformer.from_crs(4326, 25832).transform(52, 13)
"""
NUMEXPR = """
import numexpr, numpy
numexpr.set_num_threads(2)
numbers = numpy.arange(1_000_000)
assert numexpr.evaluate("numbers + 1")[-1] == 1_000_000
"""
FILES = """
import mmap, os, subprocess, sys, tempfile
null, random, terminal = open("/dev/null"), open("/dev/urandom"), os.openpty()
pipe, file, written = os.pipe(), open(sys.executable, "rb"), tempfile.NamedTemporaryFile()
folder = os.open("/", os.O_RDONLY)
written.write(b"text"), written.flush()
view = mmap.mmap(written.fileno(), 0)
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
"""
OWN = """
import socket
pair = socket.socketpair()
own_fds = [end.fileno() for end in pair]
"""
ENDED = """
import asyncio, concurrent.futures, threading
asyncio.run(asyncio.sleep(0))
with concurrent.futures.ThreadPoolExecutor() as pool:
    pool.submit(int).result()
"""
HANDLED = """
import asyncio, faulthandler, signal
signal.signal(signal.SIGUSR1, print)
signal.signal(signal.SIGTERM, signal.signal(signal.SIGTERM, print))
signal.setitimer(signal.ITIMER_REAL, 3600)
signal.setitimer(signal.ITIMER_REAL, 0)
faulthandler.enable()
asyncio.run(asyncio.sleep(0))
assert signal.getsignal(signal.SIGUSR1) is print
"""
EVERYTHING = """
import boto3, duckdb, numpy, pandas, polars, pyarrow.dataset, requests, scipy.linalg
import sklearn.cluster
import sqlalchemy
requests.Session()
sqlalchemy.create_engine("sqlite://")
"""


def _needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


def audit(at_import: str, in_fork: str = "") -> tuple[list[str], list[int]]:
    """Reasons not to fork after `at_import`, and how forks ended that executed `in_fork`."""
    case = json.dumps([at_import, in_fork, _FORKS, PATIENCE])
    # -W: newer Pythons warn about forks of processes with native threads.
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, case],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    reasons, ends = json.loads(ended.stdout.splitlines()[-1])
    assert not any(ends), f"forks ended with {ends}\n{ended.stderr}"
    return reasons, ends


@pytest.mark.parametrize(
    ("at_import", "in_fork"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(NUMPY, NUMPY, id="numpy used"),
        pytest.param(PANDAS, PANDAS, id="pandas used"),
        pytest.param(ARROW, ARROW, id="pyarrow used"),
        pytest.param(SCIPY, SCIPY, id="scipy used"),
        pytest.param(BOTO3, BOTO3, id="boto3 client"),
        pytest.param(DUCKDB + "connection.close()", DUCKDB, id="duckdb closed"),
        pytest.param(EVERYTHING, ARROW + POLARS + NUMPY + DUCKDB + SKLEARN, id="all imported"),
        pytest.param("import grpc", GRPC_IN_FORK, id="grpc imported"),
        pytest.param("import sqlite3; sqlite3.connect(':memory:')", "", id="sqlite in memory"),
        pytest.param(ENDED, ENDED, id="threads and loops that have ended"),
        pytest.param(
            SQLITE_READ_ONLY.replace("JOURNAL", "delete"), SQLITE_IN_FORK, id="sqlite, only read"
        ),
        pytest.param(PYPROJ, PYPROJ, id="pyproj used", marks=_needs("pyproj")),
        pytest.param(NUMEXPR, NUMEXPR, id="numexpr used", marks=_needs("numexpr")),
        pytest.param(HANDLED, HANDLED, id="handlers that forks inherit"),
        pytest.param(FILES, "", id="files, pipes and a child"),
        pytest.param(OWN, "", id="descriptors of our own"),
    ],
)
def test_forks_are_trusted_and_work(at_import: str, in_fork: str, tmp_path: Path) -> None:
    reasons, ends = audit(at_import.replace("PATH", str(tmp_path / "numbers.db")), in_fork)
    assert reasons == []
    assert len(ends) == _FORKS


THREAD = """
import threading
thread = threading.Thread(target=threading.Event().wait, name="metrics-exporter", daemon=True)
thread.start()
"""
UNKNOWN_THREAD = """
import _thread
lock = _thread.allocate_lock()
lock.acquire()
_thread.start_new_thread(lock.acquire, ())
"""
HIDING_THREAD = """
import _thread
lock, started = _thread.allocate_lock(), _thread.allocate_lock()
def wait():
    started.release()
    lock.acquire()
lock.acquire(), started.acquire()
_thread.start_new_thread(wait, ())
started.acquire()
"""
KERNEL_THAT_DOES_NOT_TELL = """
import builtins
known = open
def refuse(path, *args, **kwargs):
    if str(path).endswith("/syscall"):
        raise FileNotFoundError(path)
    return known(path, *args, **kwargs)
builtins.open = refuse
"""
EXECUTOR = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1, "downloads")
pool.submit(int).result()
"""
SQLITE_IN_FILE = """
import sqlite3
connection = sqlite3.connect("PATH")
connection.execute("create table numbers (number integer)")
"""
LOCKED = """
import fcntl
file = open("PATH", "w")
"""
INOTIFY = "import ctypes; descriptor = ctypes.CDLL(None).inotify_init()"
LISTENING = """
import socket
server = socket.create_server(("127.0.0.1", 0))
"""
CONNECTED = """
client = socket.create_connection(server.getsockname())
"""


@pytest.mark.parametrize(
    ("at_import", "words"),
    [
        pytest.param(
            "import signal; signal.signal(signal.SIGTERM, lambda *_: None)",
            "SIGTERM has a handler of ",
            id="handler",
        ),
        pytest.param(
            "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
            "SIGHUP is ignored",
            id="ignored signal",
        ),
        pytest.param(
            "import signal; signal.setitimer(signal.ITIMER_PROF, 3600)",
            "a timer is running",
            id="timer",
        ),
        pytest.param("import signal; signal.alarm(3600)", "a timer is running", id="alarm"),
        pytest.param(POLARS, "a native thread of polars_runtime", id="polars used"),
        pytest.param(DUCKDB, "a native thread of duckdb is running", id="duckdb open"),
        pytest.param(SKLEARN, "a native thread of gomp is running", id="sklearn fitted"),
        pytest.param(GRPC, "a native thread of grpc is running (event_engine", id="grpc used"),
        pytest.param(THREAD, "a Python thread is running: metrics-exporter", id="thread"),
        pytest.param(EXECUTOR, "a Python thread is running: downloads_0", id="executor"),
        pytest.param(
            UNKNOWN_THREAD,
            "a Python thread that `threading` does not know is running",
            id="_thread",
        ),
        pytest.param(
            UNKNOWN_THREAD + KERNEL_THAT_DOES_NOT_TELL,
            "a native thread of an unknown library is running",
            id="kernel that does not tell",
        ),
        pytest.param(
            "import asyncio; loop = asyncio.new_event_loop()",
            "an event loop is open (epoll)\na socket is open",
            id="asyncio loop",
        ),
        pytest.param(
            "import uvloop; loop = uvloop.new_event_loop()",
            "an event loop is open (epoll)",
            id="uvloop loop",
        ),
        pytest.param(INOTIFY, "a kernel object is open: inotify", id="inotify"),
        pytest.param(LISTENING, "a socket listens on 127.0.0.1:", id="listening"),
        pytest.param(LISTENING + CONNECTED, "a socket to 127.0.0.1:", id="connected"),
        pytest.param(OWN + "own_fds = ()", "a socket is open", id="socket pair"),
        pytest.param(SQLITE, "an SQLite database is open: PATH", id="sqlalchemy on sqlite"),
        pytest.param(SQLITE_IN_FILE, "an SQLite database is open: PATH", id="sqlite"),
        pytest.param(
            SQLITE_READ_ONLY.replace("JOURNAL", "wal"),
            "an SQLite database is open: PATH",
            id="sqlite, only read, with a log",
        ),
        pytest.param(
            SQLITE_READ_ONLY.replace("JOURNAL", "delete")
            + "rows = reader.execute('select * from numbers')\nrows.fetchone()",
            "an SQLite database is open: PATH",
            id="sqlite, being read",
        ),
        pytest.param(
            LOCKED + "fcntl.flock(file, fcntl.LOCK_SH)",
            "a lock is held on an open file: PATH",
            id="flock",
        ),
        pytest.param(
            LOCKED + "fcntl.lockf(file, fcntl.LOCK_EX)",
            "a lock is held on an open file: PATH",
            id="lockf",
        ),
        pytest.param(
            "import tempfile; file = tempfile.TemporaryFile()",
            "a file without a name is open for writing: ",
            id="file without a name",
        ),
        pytest.param(
            "import os; memory = os.memfd_create('name')",
            "a file without a name is open for writing: /memfd:name",
            id="memfd",
        ),
        pytest.param(
            "import mmap; memory = mmap.mmap(-1, 4096)",
            "memory is shared with forks: /dev/zero (deleted)",
            id="shared memory",
        ),
        pytest.param(
            "import multiprocessing; lock = multiprocessing.Lock()",
            "memory is shared with forks: /dev/shm/sem.",
            id="lock of multiprocessing",
        ),
        pytest.param(
            "import os; file = open('PATH', 'w'); os.chmod('PATH', 0)",
            "this process may not open a file again that is open: PATH",
            marks=pytest.mark.skipif(os.getuid() == 0, reason="root may open everything"),
            id="no permission any more",
        ),
    ],
)
def test_forks_are_not_trusted(at_import: str, words: str, tmp_path: Path) -> None:
    path = str(tmp_path / "numbers.db")
    reasons, _ = audit(at_import.replace("PATH", path))
    assert words.replace("PATH", path) in "\n".join(reasons)


def test_a_thread_that_hides_is_called_after_its_package(tmp_path: Path) -> None:
    """As those of debuggers are."""
    folder = tmp_path / "site-packages" / "tracer"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(HIDING_THREAD)
    at_import = f"import sys; sys.path.append({str(folder.parent)!r}); import tracer"
    assert audit(at_import)[0] == ["a Python thread of tracer is running"]


def test_a_connection_to_postgresql_is_not_carried_across_a_fork() -> None:
    with postgres() as server:
        engine = f"import sqlalchemy; engine = sqlalchemy.create_engine({server.url!r})"
        use = "\nengine.connect().close()"
        assert audit(engine, use)[0] == []
        (reason,) = audit(engine + use)[0]
        assert ".s.PGSQL.5432 is open" in reason


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # which keeps connections

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("create", "use"),
    [
        pytest.param(
            "import requests; session = requests.Session()",
            "session.get('http://SERVER/').text",
            id="requests",
        ),
        pytest.param(
            BOTO3.replace('"s3",', '"s3", endpoint_url="http://SERVER",'),
            "client.get_object(Bucket='a', Key='b')['Body'].read()",
            id="boto3",
        ),
    ],
)
def test_a_kept_connection_is_not_carried_across_a_fork(
    create: str, use: str, http_server: str
) -> None:
    create, use = (code.replace("SERVER", http_server) for code in (create, use))
    assert audit(create, use)[0] == []
    assert audit(create + "\n" + use)[0] == [f"a socket to {http_server} is open"]


def test_an_open_device_is_not_carried_across_a_fork() -> None:
    try:
        os.close(os.open("/dev/fuse", os.O_RDONLY))
    except OSError:
        pytest.skip("it takes a device that can be opened")
    assert audit("device = open('/dev/fuse')")[0] == ["a device is open: /dev/fuse"]


def test_what_cannot_be_seen_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(originals.os, "listdir", refuse)
    (reason,) = reasons_not_to_fork(())
    assert "cannot be seen" in reason
    assert "Permission denied" in reason


def test_other_kernels_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_safety, "IS_LINUX", False)
    assert reasons_not_to_fork(()) == ["forks can be trusted on Linux only"]
