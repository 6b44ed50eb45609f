"""Code that does not load: the server stays and says why, until the code is repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster._grpc.types import ListRepositoriesResponse

from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.serving import USER_CODE, Server, run, serve, skip_message
from tests.support.dagster_names import SerializableErrorInfo
from tests.support.eventually import eventually
from tests.support.servers import OURS

GOOD = (USER_CODE / "edition.py").read_text()
FILE = ("-f", "served.py")
MODULE = ("-m", "served")


@dataclass(frozen=True)
class Case:
    """Broken code.

    Attributes:
        name: what is wrong with it.
        code: content of the file, None for no file.
        expect: what the error says.
    """

    name: str
    code: str | None
    expect: str

    def __str__(self) -> str:
        return self.name.replace(" ", "_")


RAISES = Case("raises", "raise RuntimeError('a mistake')", "RuntimeError: a mistake")
EXITS = Case("os._exit", "import os; os._exit(5)", "exited with code 5")

CASES = [
    RAISES,
    EXITS,
    Case("no file", None, "served.py"),
    Case("syntax error", "def broken(:", "SyntaxError"),
    Case("not UTF-8", "x = '\udcff'", "served.py"),
    Case("sys.exit", "import sys; sys.exit('no licence')", "SystemExit: no licence"),
    Case("interrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    Case("segfault", "import ctypes; ctypes.string_at(0)", "signal 11 (SIGSEGV)"),
    Case("is killed", "import os; os.kill(os.getpid(), 9)", "signal 9 (SIGKILL)"),
    Case("closes its sockets", "import os; os.closerange(3, 256)", "was loading the code"),
    Case("no definitions", "import dagster", "No Definitions"),
    Case(
        "does not resolve",
        "import dagster as dg\n"
        "assets = [dg.AssetSpec('twice'), dg.AssetSpec('twice', group_name='x')]\n"
        "defs = dg.Definitions(assets=assets)",
        "twice",
    ),
    Case("message is no text", "raise RuntimeError('bad: \\udcff')", "RuntimeError: bad: "),
    Case("message is long", "raise RuntimeError('x' * 1_000_000)", "RuntimeError: xxx"),
    Case(
        "has too many causes to follow",
        "error = None\nfor level in range(3000):\n  cause = error\n"
        "  error = RuntimeError(f'level {level}')\n  error.__cause__ = cause\nraise error",
        "RuntimeError: level 2999",
    ),
    Case("message fails", "class E(Exception):\n  def __str__(self): 1 / 0\nraise E", "E: "),
]


def write(file: Path, code: str | None) -> None:
    if code is None:
        file.unlink()
    else:
        file.write_bytes(code.encode(errors="surrogateescape"))


def check_error(server: Server, expect: str) -> None:
    """The error is served and logged, and the server is well."""
    error = value(server.client.list_repositories())
    assert isinstance(error, SerializableErrorInfo)
    assert expect in error.to_string()
    eventually(lambda: expect in server.server.text, what="the error in the log")
    assert "Logging error" not in server.server.text
    assert server.id
    eventually(lambda: server.client.health_check_query() == "SERVING")
    eventually(lambda: not server.processes("host"))


def repair(server: Server, file: Path) -> None:
    broken = server.id
    file.write_text(GOOD)
    assert not server.reload()
    assert isinstance(value(server.client.list_repositories()), ListRepositoriesResponse)
    assert server.id not in ("", broken)
    assert server.client.health_check_query() == "SERVING"
    assert skip_message(server, "says") == "first"


@pytest.mark.parametrize(
    ("options", "code", "expect"),
    [
        (FILE, RAISES.code, RAISES.expect),
        (MODULE, None, "No module named 'served'"),
    ],
    ids=["raises", "no module"],
)
def test_an_error_of_the_first_load_is_served_until_the_code_is_repaired(
    start: Start, work: Path, options: tuple[str, ...], code: str | None, expect: str
) -> None:
    if code is not None:
        write(work / "served.py", code)
    server = start(*options)

    check_error(server, expect)

    repair(server, work / "served.py")


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("load_errors")
    (folder / "served.py").write_text(GOOD)
    options = (*FILE, "--on-reload-error", "surface")
    with serve(home, home / "load_errors.sock", *options, cwd=folder) as server:
        yield server


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_error_is_served_until_the_code_is_repaired(shared: Server, case: Case) -> None:
    assert shared.server.cwd
    file = shared.server.cwd / "served.py"
    before = shared.id
    write(file, case.code)

    reply = shared.reload()

    assert reply
    assert shared.client.list_repositories() == reply
    check_error(shared, case.expect)
    assert shared.id != before
    repair(shared, file)


def test_the_error_begins_with_the_users_line(shared: Server) -> None:
    assert shared.server.cwd
    file = shared.server.cwd / "served.py"
    write(file, RAISES.code)

    assert shared.reload()

    error = value(shared.client.list_repositories())
    assert isinstance(error, SerializableErrorInfo)
    assert (error.message, error.cause) == (f"{RAISES.expect}\n", None)
    assert error.stack[0].startswith(f'  File "{file}", line 1, in <module>\n')
    repair(shared, file)


STUBBORN = "import time\nwhile True:\n  try: time.sleep(600)\n  except BaseException: pass"


def test_a_load_that_hangs_is_ended(start: Start, work: Path) -> None:
    """And one that ignores signals; one that does not is among the reloads of watched files."""
    file = work / "served.py"
    write(file, STUBBORN)
    server = start(*FILE, "--startup-timeout", "1")

    error = value(server.client.list_repositories())

    assert isinstance(error, SerializableErrorInfo)
    assert "longer than 1 seconds (--startup-timeout)" in error.message
    eventually(lambda: not server.processes("host"), what="the end of the load")
    assert "Traceback" not in server.server.text
    file.write_text(GOOD)
    # Also code that loads may take longer than that on a busy machine.
    eventually(lambda: not server.reload(), what="a load that is fast enough")
    assert skip_message(server, "says") == "first"


def test_the_server_exits_if_wanted(home: Path, work: Path) -> None:
    write(work / "served.py", EXITS.code)
    options = ("-s", "served.sock", "--on-load-error", "exit")

    ended = run(*OURS, *FILE, *options, cwd=work, env={"DAGSTER_HOME": str(home)})

    assert ended.code == 1
    assert EXITS.expect in ended.output
    assert not (work / "served.sock").exists()


def test_a_reload_that_failed_is_no_failed_start(start: Start, work: Path) -> None:
    file = work / "served.py"
    write(file, GOOD)
    server = start(*FILE, "--on-load-error", "exit")
    assert skip_message(server, "says") == "first"
    write(file, "raise RuntimeError")
    assert server.reload()
    assert skip_message(server, "says") == "first"

    server.front.terminate()

    assert server.wait_for_exit() == 0
