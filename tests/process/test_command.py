"""The command: what it refuses, how it says so, and where it serves."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from dagster._grpc.client import DagsterGrpcClient

from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE, Ended, run, serve, skip_message
from tests.support.dagster_programs import Program
from tests.support.eventually import eventually
from tests.support.in_process import invoke
from tests.support.processes import leftover_children
from tests.support.servers import OURS, ServerProcess

REPO = ("-f", str(USER_CODE / "repo.py"))


def refused(*options: str, cwd: Path) -> Ended:
    """Run a command that must fail, and leave nothing behind."""
    files, processes = set(cwd.iterdir()), leftover_children(grace=0)
    ended = run(*OURS, *options, cwd=cwd)
    assert set(cwd.iterdir()) == files
    eventually(lambda: leftover_children(grace=0) <= processes)
    return ended


def refused_at_once(*options: str, cwd: Path) -> Ended:
    """The same without a process; what is refused before anything is started leaves nothing."""
    done = invoke("grpc", *options, cwd=cwd)
    return Ended(done.code, done.out + done.err)


USAGE = [
    (("-f", "a.py", "-m", "b"), "--python-file/-f and --module-name/-m"),
    (("-f", "a.py", "--package-name", "b"), "--package-name"),
    ((), "Nothing to serve"),
    ((*REPO, "--no-such-option"), "--no-such-option"),
    ((*REPO, "extra"), "unexpected extra argument"),
    ((*REPO, "--port", "abc"), "'abc' is not a valid integer"),
    ((*REPO, "--port", "70000"), "70000"),
    ((*REPO, "--port", "-1"), "-1"),
    ((*REPO, "--max-workers", "0"), "--max-workers must be at least 1"),
    ((*REPO, "--heartbeat-timeout", "0"), "--heartbeat-timeout must be at least 1"),
    ((*REPO, "--startup-timeout", "-1"), "--startup-timeout"),
    ((*REPO, "--shutdown-grace", "-1"), "--shutdown-grace"),
    ((*REPO, "--default-timeout", "0"), "--default-timeout"),
    ((*REPO, "--log-level", "loud"), "--log-level"),
    # The server has files of its own open there.
    ((*REPO, "--ready-fd", "3"), "--ready-fd 3 is not open; pass it on to this process."),
    ((*REPO, "--log-format", "xml"), "--log-format"),
    ((*REPO, "--on-reload-error", "panic"), "--on-reload-error"),
    ((*REPO, "--watch-dir", "."), "--watch-dir is given without --watch"),
    ((*REPO, "--watch-filter", "*.sql"), "--watch-filter is given without --watch"),
    ((*REPO, "--watch", "--watch-dir", "missing"), "--watch-dir missing is no directory"),
    ((*REPO, "--watch", "--watch-poll", "0"), "--watch-poll must be from 0.05"),
    ((*REPO, "--watch", "--watch-poll", "nan"), "--watch-poll must be from 0.05"),
    ((*REPO, "--watch", "--watch-filter", "!"), "--watch-filter is empty"),
    *(
        ((*REPO, option, text), f"{option} {problem}")
        for option in ("--container-context", "--instance-ref", "--defs-state-info")
        for text, problem in [("{", "is not JSON"), ("[]", "must be"), ("null", "must be")]
    ),
    ((*REPO, "--instance-ref", '{"__class__": "Other"}'), "InstanceRef"),
    ((*REPO, "--defs-state-info", '{"__class__": "Other"}'), "DefsStateInfo"),
]


@pytest.mark.parametrize(
    ("options", "expect"), USAGE, ids=[" ".join(options[-2:]) for options, _ in USAGE]
)
def test_bad_usage(work: Path, options: tuple[str, ...], expect: str) -> None:
    check_usage(refused_at_once("-s", "unused.sock", *options, cwd=work), expect)


def test_bad_usage_of_a_process(work: Path) -> None:
    options = (*REPO, "-s", "unused.sock", "--max-workers", "0")
    check_usage(refused(*options, cwd=work), "--max-workers must be at least 1")


def check_usage(ended: Ended, expect: str) -> None:
    assert ended.code == 2, ended.output
    usage, hint, empty, error = ended.output.splitlines()
    assert usage.startswith("Usage: ")
    assert "--help" in hint
    assert not empty
    assert error.startswith("Error: ")
    assert expect in error


@pytest.mark.parametrize(
    ("pyproject", "expect"),
    [
        ("", "no module_name"),
        ("[project]\nname = 'fruit'", "no module_name"),
        ("[tool.dagster]", "no module_name"),
        ("[tool.dg.project]", "no root_module"),
        ("[tool.dagster", "cannot be read"),
        ("name = '\udcff'", "cannot be read"),
        (
            "[tool.dagster]\n"
            "modules = [{type = 'module', name = 'a'}, {type = 'module', name = 'b'}]",
            "names 2 modules (a, b)",
        ),
        ("tool = 3", "pyproject.toml"),
        ("[tool]\ndagster = 3", "pyproject.toml"),
        ("[tool.dagster]\nmodule_name = 3", "pyproject.toml"),
        ("[tool.dagster]\nmodules = ['a']", "pyproject.toml"),
        ("[tool.dagster]\nmodules = [{type = 'module', name = 3}]", "pyproject.toml"),
        ("[tool.dg]\nproject = 3", "pyproject.toml"),
        ("[tool.dg.project]\nroot_module = 3", "pyproject.toml"),
    ],
)
def test_bad_pyproject(work: Path, pyproject: str, expect: str) -> None:
    (work / "pyproject.toml").write_bytes(pyproject.encode(errors="surrogateescape"))

    check_usage(refused_at_once(cwd=work), expect)


def test_pyproject_is_a_folder(work: Path) -> None:
    (work / "pyproject.toml").mkdir()

    ended = refused_at_once(cwd=work)

    check_usage(ended, "cannot be read")


@pytest.fixture
def used_port() -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield str(listening.getsockname()[1])


LONG = "x" * 120


@pytest.mark.parametrize(
    ("options", "expect"),
    [
        (("-p", "{port}"), "Port {port} on 127.0.0.1 is in use"),
        # The socket can be had; it must not be left there.
        (("-p", "{port}", "-s", "new.sock"), "Port {port} on 127.0.0.1 is in use"),
        (("-p", "0", "--host", "no-such-host.invalid"), "no-such-host.invalid cannot be resolved"),
        (("-p", "0", "--host", "192.0.2.1"), "192.0.2.1 cannot be bound"),
        (("-s", "missing/new.sock"), "there is no folder {work}/missing"),
        (("-s", "file"), "it is not a socket"),
        (("-s", LONG), "longer than"),
    ],
    ids=[
        *("port in use", "port in use beside a socket", "unknown host", "foreign address"),
        *("no folder", "a file", "long path"),
    ],
)
def test_an_address_that_cannot_be_had(
    work: Path, used_port: str, options: tuple[str, ...], expect: str
) -> None:
    (work / "file").touch()

    options = tuple(option.format(port=used_port) for option in options)
    ended = refused(*REPO, *options, cwd=work)

    assert ended.code == 1
    (line,) = ended.output.splitlines()
    assert line.startswith("Error: ")
    assert expect.format(port=used_port, work=work) in line


def test_a_socket_that_a_killed_server_left_behind(home: Path, work: Path) -> None:
    path = work / "left.sock"
    with serve(home, path, *REPO, cwd=work) as server:
        server.processes()
        server.front.kill()
        server.front.wait()
    assert path.is_socket()

    with serve(home, path, *REPO, cwd=work) as server:
        assert skip_message(server)
    assert not path.exists()


def addresses_of(program: Program | ServerProcess) -> list[str]:
    """What it says that it serves on, once it has."""
    lines = eventually(
        lambda: [line for line in program.text.splitlines() if " - listening on " in line],
        what="the line that says where",
    )
    return lines[0].rpartition(" on ")[2].split(", ")


def port_in(address: str) -> int:
    found = re.fullmatch(r"127\.0\.0\.1:(\d+)", address)
    assert found, address
    return int(found[1])


def test_port_zero_takes_a_free_port_and_says_which(home: Path, work: Path) -> None:
    with ExitStack() as stack:
        program = Program(
            "codeserver", [*OURS, *REPO, "-p", "0"], env={"DAGSTER_HOME": str(home)}, cwd=work
        )
        stack.callback(program.stop)

        port = port_in(addresses_of(program)[0])

        assert DagsterGrpcClient(port=port, host="localhost").ping("hello")["echo"] == "hello"
        assert program.stop() == 0


def test_a_port_and_a_socket(start: Start, work: Path) -> None:
    server = start(*REPO, "-p", "0")

    path, address = sorted(addresses_of(server.server), reverse=True)[:2]

    assert path == f"unix:{server.server.socket}"
    other = DagsterGrpcClient(port=port_in(address), host="localhost")
    assert other.get_server_id() == server.id

    # Nobody else can have them, and they stay what they are.
    ended = refused(*REPO, "-s", str(server.server.socket), cwd=work)
    assert ended.code == 1
    (line,) = ended.output.splitlines()
    assert line.startswith(f"Error: Socket {server.server.socket} is in use")
    assert other.get_server_id() == server.id


def test_the_target_of_pyproject_is_served(start: Start, work: Path) -> None:
    package = work / "fruit" / "defs"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "repo.py").write_text((USER_CODE / "repo.py").read_text())
    (work / "pyproject.toml").write_text(
        "[tool.dg.project]\nroot_module = 'fruit'\nautoload_defs = true\n"
    )

    assert skip_message(start()).startswith("pid ")


def test_port_4000_by_default(home: Path, work: Path) -> None:
    with ExitStack() as stack:
        program = Program("codeserver", [*OURS, *REPO], env={"DAGSTER_HOME": str(home)}, cwd=work)
        stack.callback(program.stop)
        program.wait_for_output("4000")
        if "in use" not in program.text:
            assert addresses_of(program)[0] == "127.0.0.1:4000"
            assert program.stop() == 0
            return
        # Somebody else's server has it.
        assert program.process.wait(LIMIT) == 1
        assert "Error: Port 4000 on 127.0.0.1 is in use" in program.text
