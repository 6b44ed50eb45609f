"""Every command and every program in the documents works."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from codeserver import connect, default_address
from tests.docs.blocks import ROOT, Block, blocks, commands
from tests.process.access import Issuer, addresses_of, token_of, write_tokens
from tests.process.serving import Server, run, serve
from tests.support import environments
from tests.support.environments import OF_CODESERVER
from tests.support.eventually import PATIENCE, eventually
from tests.support.in_process import invoke
from tests.support.processes import nothing_left_behind
from tests.support.several_locations import several_locations

NOT_HERE = {
    "make": "what CI consists of, or runs for minutes",
    ".venv/bin/python": "a benchmark, which takes many minutes",
    "ln": "what a deployment does",
    "pip": "installs",
    "dagster": "stock",
    "docker": "builds and runs containers; `make test-image` does that",
    "kubectl": "needs a cluster; tests/deploy checks the manifests",
    "helm": "needs a cluster; tests/deploy renders the values",
    "aws": "needs a bucket",
    "unzip": "needs a wheel",
    "grpcurl": "not on every machine; the same calls are made by reflection in tests/api",
}
"""Programs whose commands are not executed here, with the reason."""

ENDLESS = ("codeserver grpc", "codeserver status --watch")
"""What goes on until it is ended."""

HERE = (
    *("list", "graph", "plan", "config", "partitions", "status", "reload", "health"),
    *("check", "snapshot", "workspace"),
)
"""Commands of `codeserver` that need no process of their own."""


SEVERAL = re.compile(r"--location |location=\"")
"""What tells that a command or a program is about one of several locations."""

_LISTENED = re.compile(r"^unix:/run/\w+.sock")
_EVERYWHERE = re.compile(r"^(0\.0\.0\.0|127\.0\.0\.1):\d+")
"""Addresses of `--listen` that a test does not bind."""

SALES = """import dagster as dg

@dg.asset
def orders(): ...

defs = dg.Definitions(assets=[orders])
"""


@pytest.fixture(autouse=True, scope="module")
def no_process_left_behind() -> Iterator[None]:
    with nothing_left_behind():
        yield


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """What the documents take for granted: the example as repo.py, and some files beside it."""
    path = Path(tempfile.mkdtemp(prefix="docs-"))
    shutil.copytree(ROOT / "example_user_code", path / "example_user_code")
    shutil.copy(ROOT / "example_user_code" / "repo.py", path / "repo.py")
    shutil.copy(ROOT / "example_user_code" / "run_config" / "example_job.yaml", path / "run.yaml")
    issuer = Issuer(trustme.CA(), path)
    issuer.issue("server", "localhost")
    issuer.write_ca()
    write_tokens(path / "tokens")
    (path / "token").write_text(token_of("ci"))
    for name in ("home", "models"):
        (path / name).mkdir()
    environments.make(path / ".venv", without=OF_CODESERVER)
    (path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """The server that commands and programs without a target of their own mean."""
    with serve(folder / "home", folder / "s.sock", "-f", "repo.py", cwd=folder) as server:
        yield server


@pytest.fixture(scope="module")
def several(folder: Path) -> Iterator[str]:
    """The address of the server that commands and programs with the name of a location mean."""
    (folder / "sales.py").write_text(SALES)
    files = {"words": folder / "repo.py", "sales": folder / "sales.py"}
    with several_locations(files, folder / "several.sock", folder / "home") as server:
        address = f"unix:{server.socket}"
        for name in files:
            with connect(address, location=name) as client:
                client.reload()
        yield address


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[str]:
    """The address of the server that commands and programs with TLS mean."""
    options = ("--tls-cert", "server.pem", "--tls-key", "server.key", "--auth-token-file", "tokens")
    socket = folder / "secured.sock"
    listen = ("--listen", "localhost:0")
    target = ("-f", "repo.py")
    with serve(folder / "home", socket, *target, *listen, *options, cwd=folder) as server:
        assert server.id
        yield f"localhost:{addresses_of(server)[1].rpartition(':')[2]}"


@pytest.fixture
def environment(folder: Path, server: Server, request: pytest.FixtureRequest) -> dict[str, str]:
    assert server.client.list_repositories()
    address = f"unix:{folder}/s.sock"
    (subject,) = request.node.callspec.params.values()
    if SEVERAL.search(getattr(subject, "text", subject)):
        address = request.getfixturevalue("several")
    elif default_address.TLS in getattr(subject, "text", subject):
        address = request.getfixturevalue("secured")
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DAGSTER_HOME": str(folder / "home"),
        "CODESERVER_ADDRESS": address,
    }


def _here(environment: dict[str, str], text: str) -> str:
    """The same, for the server of this test instead of the one on port 4000."""
    for address in ("localhost:4000", "127.0.0.1:4000"):
        text = text.replace(address, environment["CODESERVER_ADDRESS"])
    return text


FIRST_PLACES: dict[str, str] = {}
for place, command in commands():
    FIRST_PLACES.setdefault(command, place)

RUNNABLE = [
    pytest.param(command, id=f"{place} {command[:60]}")
    for command, place in FIRST_PLACES.items()
    if shlex.split(command)[0] not in NOT_HERE
]


def test_there_are_no_reasons_for_what_is_not_there() -> None:
    assert NOT_HERE.keys() <= {shlex.split(command)[0] for _, command in commands()}


@pytest.mark.parametrize("command", RUNNABLE)
def test_command(command: str, folder: Path, environment: dict[str, str]) -> None:
    words = shlex.split(_here(environment, command))
    if command.startswith(ENDLESS):
        _begin_and_end(words, folder, environment)
        return
    if words[0] == "codeserver" and words[1] in HERE:
        answer = invoke(*words[1:], cwd=folder, **environment)
        assert answer.code == 0, answer.err
        assert answer.out + answer.err
        return
    ended = run(*words, cwd=folder, env=environment)
    assert ended.code == 0, ended.output
    assert ended.output


def _begin_and_end(words: list[str], folder: Path, environment: dict[str, str]) -> None:
    """It works when it says something, and then it can be ended."""
    if words[1] == "grpc":
        for option in ("-p", "--port"):
            if option in words:
                del words[words.index(option) : words.index(option) + 2]
        words = [_LISTENED.sub(f"unix:{folder}/listened.sock", word) for word in words]
        words = [_EVERYWHERE.sub("127.0.0.1:0", word) for word in words]
        words += ["--socket", str(folder / "other.sock")]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            wanted = "listening on " if words[1] == "grpc" else "ready"
            eventually(
                lambda: process.poll() is not None or wanted in log.read_text(),
                what="a sign of life",
            )
            assert process.poll() is None, log.read_text()
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_program(block: Block, folder: Path, environment: dict[str, str]) -> None:
    text = _here(environment, block.text)
    names = [each.name for each in ast.parse(text).body if isinstance(each, ast.FunctionDef)]
    if any(name.startswith("test_") for name in names):
        _as_a_test(text, folder, environment)
        return
    (folder / "program.py").write_text(text)
    ended = run(sys.executable, "program.py", cwd=folder, env=environment)
    assert ended.code == 0, ended.output
    assert ended.output, "it prints nothing"


def _as_a_test(text: str, folder: Path, environment: dict[str, str]) -> None:
    (settings,) = [block for block in blocks("toml") if "code_location_file" in block.text]
    project = folder / "project"
    project.mkdir(exist_ok=True)
    shutil.copy(folder / "repo.py", project)
    (project / "pyproject.toml").write_text(settings.text)
    (project / "test_it.py").write_text(text)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    ended = run(*command, cwd=project, env=environment)
    assert ended.code == 0, ended.output
    assert "1 passed" in ended.output
