"""`codeserver health`: what it prints and returns, and that it imports no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from codeserver import CodeServer
from codeserver.cli.main import main
from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE
from tests.support.eventually import eventually
from tests.unit.client_peers import listener, serving

COMMAND = (sys.executable, "-m", "codeserver", "health")
PATIENTLY = ("--timeout", str(LIMIT))
Health = Callable[..., tuple[int, str, str]]
HEAVY = ("click", "dagster", "google", "grpc", "rich", "asyncio", "codeserver.config")


def health(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """The exit code and what it prints to the two streams."""
    ended = subprocess.run(
        [*COMMAND, *PATIENTLY, *arguments],  # of an option that is given twice, the last counts
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={**os.environ, **(env or {})},
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Health:
    """The same without a process of its own."""

    def health_here(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["codeserver", "health", *PATIENTLY, *arguments])
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return health_here


@pytest.fixture(scope="module")
def on_both(home: Path) -> Iterator[CodeServer]:
    """A server at a port and a socket."""
    options = ["--socket", str(home / "both.sock"), "--max-workers", "1"]
    env = {"DAGSTER_HOME": str(home)}
    with CodeServer(python_file=USER_CODE / "repo.py", port=0, options=options, env=env) as server:
        yield server


@pytest.fixture(scope="module")
def port(on_both: CodeServer) -> str:
    """A thread of its own reads what the server has logged."""
    return eventually(
        lambda: on_both.output.partition("127.0.0.1:")[2].split()[0], what="the line that says it"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--address", "127.0.0.1:{port}"),
        ("--address=localhost:{port}",),
        ("--address", "{socket}"),
        ("-p", "{port}"),
        ("-p", "{port}", "-h", "127.0.0.1", "--timeout", "60"),
        ("--socket", "{path}"),
        ("--service", "DagsterApi", "-s", "{path}"),
        ("--service=codeserver.LastLoad", "-s", "{path}"),
    ],
)
def test_serving(on_both: CodeServer, port: str, arguments: tuple[str, ...], here: Health) -> None:
    path = on_both.address.removeprefix("unix:")
    given = [each.format(port=port, socket=on_both.address, path=path) for each in arguments]

    assert here(*given) == (0, "SERVING\n", "")


def test_the_address_of_the_environment(on_both: CodeServer, here: Health) -> None:
    env = {"CODESERVER_ADDRESS": on_both.address}

    assert health(env=env) == (0, "SERVING\n", "")
    assert here("-p", "1", env=env)[0] == 1


def test_as_json(on_both: CodeServer, here: Health) -> None:
    code, out, err = here("--json", "--address", on_both.address)

    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "status": "SERVING",
        "address": on_both.address,
        "service": "",
        "state": "ready",
        "load_error": "",
    }


def test_the_fast_way_imports_little(on_both: CodeServer) -> None:
    """That is what makes it fast; the time itself depends on what else the machine does."""
    ended = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            *COMMAND[1:],
            *PATIENTLY,
            "--address",
            on_both.address,
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert ended.stdout == "SERVING\n"
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "codeserver.probe.asking" in imported
    assert imported.isdisjoint(HEAVY)


def test_a_location_that_loads(start: Start, work: Path, here: Health) -> None:
    (work / "repo.py").write_text("import time; time.sleep(600)")
    server = start("-f", "repo.py")
    address = f"unix:{server.server.socket}"

    code, out, err = here("--address", address)
    assert (code, out) == (1, "")
    assert err == f"NOT_SERVING: the location is loading ({address})\n"

    code, out, _ = here("--address", address, "--json")
    assert code == 1
    assert json.loads(out)["state"] == "loading"


def test_a_location_whose_code_is_broken_and_then_a_server_that_is_killed(
    start: Start, work: Path, here: Health
) -> None:
    (work / "repo.py").write_text("raise RuntimeError('out of order')")
    server = start("-f", "repo.py")
    server.client.list_repositories()
    address = f"unix:{server.server.socket}"

    assert health("--address", address) == (0, "SERVING\n", "")
    code, out, err = health("--address", address, "--service", "codeserver.LastLoad")
    assert (code, out) == (1, "")
    assert err.startswith("NOT_SERVING: the location is failed")
    assert "RuntimeError" in err
    assert err.count("\n") == 1

    server.front.kill()
    server.wait_for_exit()
    code, _, err = here("--address", address)
    assert code == 1
    assert "Nothing listens" in err


PEERS: list[tuple[str, AbstractContextManager[Any], str, str]] = [
    (
        "refused",
        nullcontext(),
        "127.0.0.1:1",
        "Nothing listens at 127.0.0.1:1 (Connection refused)",
    ),
    ("no socket", nullcontext(), "unix:/nowhere", "Nothing listens at unix:/nowhere"),
    ("http 1", listener(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "", "does not speak gRPC"),
    ("closes", listener(), "", "has closed the connection"),
    ("silent", listener(b"", closes=False), "", "has not answered within 0.5 s"),
    ("no health service", serving(), "", "is a gRPC server that has no health checks"),
]


@pytest.mark.parametrize(
    ("peer", "address", "says"), [case[1:] for case in PEERS], ids=[case[0] for case in PEERS]
)
def test_unhealthy(
    peer: AbstractContextManager[Any], address: str, says: str, here: Health
) -> None:
    with peer as found:
        address = address or getattr(found, "address", found)
        limit = ("--timeout", "0.5") if "0.5" in says else ()
        code, out, err = here("--address", address, *limit)

    assert (code, out) == (1, "")
    assert says in err
    assert address in err
    assert err.count("\n") == 1


def test_an_unknown_service(on_both: CodeServer, here: Health) -> None:
    code, out, err = here("--address", on_both.address, "--service", "no.such.Service", "--json")

    assert code == 1
    assert json.loads(out)["status"] == "SERVICE_UNKNOWN"
    assert err.startswith(f'{on_both.address} knows no service "no.such.Service"; leave --service')


def test_a_location_is_a_service(on_both: CodeServer, here: Health) -> None:
    code, out, err = here("--address", on_both.address, "--location", "größe", "--json")

    assert code == 1
    assert json.loads(out)["service"] == "location/größe"
    assert err.startswith(f'{on_both.address} has no location "größe", or it has only one; leave')


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--address",), "Option '--address' requires an argument"),
        (("--address", "http://x:1"), "leave the scheme out: x:1"),
        (("--address", "x:1", "-p", "2"), "--address and --port are both given"),
        (("-s", "x", "-p", "2"), "--port and --socket are both given"),
        (("--service", "x", "--location", "y"), "--service and --location are both given"),
        (("-p", "abc"), "'abc' is not a valid integer"),
        (("-p", "0"), "0 is not in the range"),
        (("--timeout", "0"), "0"),
        (("--timeout", "nan"), "it is nan"),
        (("--timeout", "soon"), "'soon' is not a valid float"),
        (("--frobnicate",), "No such option '--frobnicate'"),
        (("extra",), "unexpected extra argument"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], says: str, here: Health) -> None:
    code, out, err = here(*arguments)

    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]


def test_an_address_of_the_environment_that_is_none(here: Health) -> None:
    code, _, err = here(env={"CODESERVER_ADDRESS": "/run/code.sock"})

    assert code == 2
    assert "write unix:/run/code.sock" in err


def test_help(here: Health) -> None:
    code, out, err = here("--help")

    assert (code, err) == (0, "")
    assert all(flag in out for flag in ("--address", "--port", "--service", "--timeout", "--json"))
