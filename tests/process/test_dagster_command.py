"""The `dagster` command of an image as a process, beside stock's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from click.testing import CliRunner
from dagster import __version__
from dagster._cli import ENV_PREFIX
from dagster._cli import cli as stock_cli
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from codeserver.cli.commands.install_dagster import install
from tests.differential.plain import value
from tests.process.serving import LIMIT, USER_CODE, Ended, Server, run, serve, skip_message
from tests.support.namespaces import FIRST_PROCESS, can_be_first
from tests.unit.client_peers import serving

CODESERVER = (sys.executable, "-m", "codeserver")
HEAVY = {"click", "dagster", "google", "grpc", "rich", "asyncio", "typing", "codeserver.config"}

CONTEXT = {"k8s": {"namespace": "berries"}}


@pytest.fixture
def command(work: Path) -> str:
    """The command, in a folder of its own."""
    path = work / "bin" / "dagster"
    path.parent.mkdir()
    install(path, sys.executable)
    return str(path)


def test_installing(work: Path) -> None:
    folder = work / "image" / "bin"
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def install_there(target: Path, **env: str) -> Ended:
        return run(*CODESERVER, "install-dagster", str(target), cwd=work, env=env)

    first = install_there(folder)
    assert first.code == 0
    assert f"{folder}/dagster is written.\n" in first.output
    assert f"Put {folder} first in PATH: dagster is " in first.output
    assert install_there(folder, **path) == Ended(0, f"{folder}/dagster is there already.\n")

    (folder / "dagster").write_text("#!/bin/sh\n")
    for target, why in [(folder, "not from codeserver"), (folder / "dagster", "is a file")]:
        ended = install_there(target)
        assert ended.code != 0
        assert why in ended.output
    assert (folder / "dagster").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("name", ["plain", "with space", "long" * 40])
def test_the_interpreter_of_the_command(tmp_path: Path, name: str) -> None:
    """A shell and Python read the first lines alike, whatever the path of Python."""
    (tmp_path / name).mkdir()
    python = tmp_path / name / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    path = tmp_path / "dagster"
    install(path, str(python))

    compile(path.read_bytes(), "dagster", "exec")
    with os.popen(f"{path} one two") as output:
        assert output.read() == f"{path} one two\n"


FAKE = """
import os, signal, sys
print(sys.argv[1:], os.path.basename(sys.argv[0]), sys.stdin.read(), flush=True)
if sys.argv[1:] == ["api", "execute_run", "killed"]:
    os.kill(os.getpid(), signal.SIGTERM)
sys.exit(7)
"""


@pytest.mark.parametrize(
    ("last", "code"), [("--port=4000 'quoted'", 7), ("killed", -signal.SIGTERM)]
)
def test_what_dagster_gets(command: str, work: Path, last: str, code: int) -> None:
    """Its arguments and standard input; and its end is that of the command."""
    package = work / "fake" / "dagster"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(FAKE)
    before = os.environ.get("PYTHONPATH", "")
    ended = subprocess.run(
        [command, "api", "execute_run", last],
        input="from outside",
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{before}"},
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == f"{['api', 'execute_run', last]} dagster from outside\n"
    assert ended.stderr == ""


def test_it_is_dagster_where_there_is_no_other(command: str, work: Path) -> None:
    """Also when it is what everybody finds first."""
    path = {"PATH": f"{Path(command).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"}

    ended = run("sh", "-c", "dagster --version", cwd=work, env=path)

    assert (ended.code, ended.output) == (0, f"dagster, version {__version__}\n")


def probe_of_stock(*arguments: str) -> Ended:
    result = CliRunner().invoke(
        stock_cli,
        ["api", "grpc-health-check", *arguments],
        prog_name="dagster",
        auto_envvar_prefix=ENV_PREFIX,
    )
    return Ended(result.exit_code, result.output)


def _not_serving() -> AbstractContextManager[str]:
    def check(_request: object, _context: object) -> HealthCheckResponse:
        return HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)

    method = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=HealthCheckRequest.FromString,
        response_serializer=HealthCheckResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})
    return serving(handler)


PEERS: list[tuple[str, Callable[[], AbstractContextManager[str | None]], str]] = [
    ("not serving", _not_serving, "-h 127.0.0.1 -p {port}"),
    ("no health service", serving, "-h 127.0.0.1 -p {port}"),
    ("refused", nullcontext, "--port=1"),
    ("no socket", nullcontext, "-s /nowhere"),
    ("no port", nullcontext, "-p abc"),
]


@pytest.mark.parametrize(
    ("peer", "options"), [case[1:] for case in PEERS], ids=[case[0] for case in PEERS]
)
def test_a_probe_that_fails_as_with_stock(
    command: str, work: Path, peer: Callable[[], AbstractContextManager[Any]], options: str
) -> None:
    with peer() as address:
        words = options.format(port=str(address).rpartition(":")[2]).split()
        ours = run(command, "api", "grpc-health-check", *words, cwd=work)
        stock = probe_of_stock(*words)

    assert ours.code == stock.code, ours.output
    assert ours.output.splitlines()[-1] == stock.output.splitlines()[-1]


@pytest.fixture(params=["api grpc", "code-server start", "the first process"])
def started(
    request: pytest.FixtureRequest, command: str, home: Path, work: Path
) -> Iterator[tuple[Server, psutil.Process]]:
    """A server that was started by the words of Dagster, and its process."""
    is_first = request.param == "the first process"
    if is_first and not can_be_first():
        pytest.skip("needs the right to make a container")
    words = ["api", "grpc"] if is_first else request.param.split()
    (work / "context.json").write_text(json.dumps(CONTEXT))
    env: Mapping[str, str] = {
        "api grpc": {"DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT": json.dumps(CONTEXT)},
        "code-server start": {"DAGSTER_CONTAINER_CONTEXT": json.dumps(CONTEXT)},
    }.get(request.param, {"DAGSTER_CONTAINER_CONTEXT_FILE": str(work / "context.json")})
    options = ("-h", "0.0.0.0", "--fixed-server-id", "of-the-chart", "-f", "repo.py")
    with serve(
        *(home, work / "s.sock", *options),
        cwd=USER_CODE,
        env={**env, "DAGSTER_CURRENT_IMAGE": "berries:1"},
        command=[*(FIRST_PROCESS if is_first else []), command, *words],
    ) as server:
        process = psutil.Process(server.front.pid)
        try:
            yield server, process.children()[0] if is_first else process
        finally:
            # `unshare` takes no notice of signals while its child lives.
            if is_first and server.front.poll() is None:
                process.children()[0].terminate()
                server.front.wait(LIMIT)


def test_a_server_under_the_names_of_stock(
    started: tuple[Server, psutil.Process], command: str, work: Path
) -> None:
    server, process = started
    reply = value(server.client.list_repositories())

    assert reply.entry_point == ["dagster"]
    assert (reply.container_image, reply.container_context) == ("berries:1", CONTEXT)
    assert server.id == "of-the-chart"
    assert skip_message(server)
    _check_the_probe(command, str(server.server.socket), work)

    process.terminate()

    assert server.wait_for_exit() == 0


def _check_the_probe(command: str, socket: str, work: Path) -> None:
    """It says what stock says, and imports next to nothing; that is what makes it fast."""
    words = ("api", "grpc-health-check", "--socket", socket)
    ended = run(sys.executable, "-X", "importtime", command, *words, cwd=work)

    lines = ended.output.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if "|" in line}
    said = "".join(f"{line}\n" for line in lines if "|" not in line)
    assert Ended(ended.code, said) == probe_of_stock("--socket", socket)
    assert "codeserver.probe.asking" in imported
    assert imported.isdisjoint(HEAVY)
