"""The `dagster` command of an image: what it does itself, and what it leaves to Dagster."""

from __future__ import annotations

import os
import runpy
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeserver import dagster_command
from codeserver.cli import main
from codeserver.cli.commands.install_dagster import install, program
from codeserver.cli.printing.failures import Failure
from codeserver.dagster_command import pods
from codeserver.marks import mark_in
from codeserver.probe import asking, grpc_health_check
from codeserver.probe.grpc_health_check import address_of

PROBE = "api grpc-health-check"

DONE = {
    "api grpc -h 0.0.0.0 -p 4000 -f repo.py": "serve api grpc: -h 0.0.0.0 -p 4000 -f repo.py",
    "api grpc --help": "serve api grpc: --help",
    "code-server start -p 4000 -m code": "serve code-server start: -p 4000 -m code",
    f"{PROBE} -p 4000": "ask localhost:4000",
    f"{PROBE} -p 4000 --use-ssl": "dagster",
    f"{PROBE} --help": "dagster",
    "": "dagster",
    "--version": "dagster",
    "api": "dagster",
    "api --help": "dagster",
    "--help api grpc": "dagster",
    "api execute_run {}": "pod execute_run: {}",
    "api execute_step": "pod execute_step: ",
    "api execute_step --help": "dagster",
    "api grpc-health": "dagster",
    "code-server --help": "dagster",
    "code-server stop": "dagster",
    "job list -f repo.py": "dagster",
}


@pytest.mark.parametrize(("arguments", "expect"), DONE.items())
def test_what_is_executed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    expect: str,
) -> None:
    done = []

    def serve(words: tuple[str, str], rest: list[str]) -> None:
        done.append(f"serve {' '.join(words)}: {' '.join(rest)}")

    def run_module(name: str, run_name: str) -> None:
        assert run_name == "__main__"
        assert sys.argv == ["/image/bin/dagster", *arguments.split()], "unchanged"
        done.append(name)

    def command(name: str, rest: list[str]) -> Callable[[], None] | None:
        is_plain = rest != ["--help"]
        return (lambda: done.append(f"pod {name}: {' '.join(rest)}")) if is_plain else None

    monkeypatch.setattr(pods, "command", command)
    monkeypatch.setattr(sys, "argv", ["/image/bin/dagster", *arguments.split()])
    monkeypatch.setattr(main, "serve_as_dagster", serve)
    monkeypatch.setattr(runpy, "run_module", run_module)
    monkeypatch.setattr(asking, "ask", lambda address, *_: done.append(f"ask {address}"))
    if expect.startswith("ask"):
        with pytest.raises(SystemExit) as ended:
            dagster_command.main()
        assert ended.value.code == 0
        assert capsys.readouterr().out == "gRPC connection successful\n"
    else:
        dagster_command.main()
    assert done == [expect]


VARIABLE = "DAGSTER_CLI_API_GRPC_HEALTH_CHECK_"
HERE = os.getcwd()

ADDRESSES: list[tuple[str, dict[str, str], str | None]] = [
    ("-p 4000", {}, "localhost:4000"),
    ("-p4000", {}, "localhost:4000"),
    ("--port=4000 --host 0.0.0.0", {}, "0.0.0.0:4000"),
    ("-h 10.0.0.1 -p 1 --port 65535", {}, "10.0.0.1:65535"),
    ("-s /run/x.sock", {}, "unix:/run/x.sock"),
    ("--socket x.sock -h ignored", {}, f"unix:{HERE}/x.sock"),
    ("", {"PORT": "4000"}, "localhost:4000"),
    ("-p 4001", {"PORT": "4000", "HOST": "::1"}, "::1:4001"),
    ("", {"SOCKET": "/run/x.sock"}, "unix:/run/x.sock"),
    # The rest is Dagster's to refuse, or to do.
    ("", {}, None),
    ("-p 4000 -s x.sock", {}, None),
    ("-p 4000", {"SOCKET": "x.sock"}, None),
    ("-p 4000", {"USE_SSL": "1"}, None),
    ("-p 4000 extra", {}, None),
    ("-p 4000 --nope", {}, None),
    ("-p 4000 --", {}, None),
    ("-p", {}, None),
    ("--port=", {"PORT": "4000"}, None),
    *((f"-p {port}", {}, None) for port in ("0", "-1", "65536", "4_0", "abc", "\u0664")),
    ("-p=4000", {}, None),
    ("--por 4000", {}, None),
    ("-hp 4000", {}, None),
]


@pytest.mark.parametrize(("arguments", "variables", "address"), ADDRESSES)
def test_the_address_of_a_probe(
    arguments: str, variables: dict[str, str], address: str | None
) -> None:
    environment = {VARIABLE + name: value for name, value in variables.items()}
    assert address_of(arguments.split(), environment) == address


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (asking.NotServing(), 1, ["Unable to connect to gRPC server: NOT_SERVING"]),
        (
            TimeoutError("timed out"),
            1,
            [
                "DEADLINE_EXCEEDED: localhost:1 has not answered within 30 s.",
                "Unable to connect to gRPC server: 0",
            ],
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            1,
            [
                "UNAVAILABLE: localhost:1: Connection refused",
                "Unable to connect to gRPC server: 0",
            ],
        ),
        (asking.NotSure(), None, []),
    ],
)
def test_what_a_probe_says(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int | None,
    lines: list[str],
) -> None:
    def ask(*_: Any) -> None:
        raise error

    monkeypatch.setattr(asking, "ask", ask)
    assert grpc_health_check.health_check(["-p", "1"]) == code
    assert capsys.readouterr().out.splitlines() == lines


def test_installing(tmp_path: Path) -> None:
    path = tmp_path / "dagster"
    before = os.umask(0o077)
    try:
        assert install(path, "/venv/bin/python")
    finally:
        os.umask(before)
    assert path.read_bytes() == program("/venv/bin/python")
    assert stat.S_IMODE(path.stat().st_mode) == 0o755, "for whatever user the container runs as"

    assert not install(path, "/venv/bin/python"), "it is there already"
    assert install(path, "/other/bin/python"), "of another interpreter"
    path.chmod(0o644)
    assert install(path, "/other/bin/python"), "cannot be executed"
    assert [each.name for each in tmp_path.iterdir()] == ["dagster"]


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "dagster", tmp_path / "other"
    if kind == "file":
        path.write_text("#!/venv/bin/python\nfrom dagster._cli import main\nmain()\n")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
    if kind == "link":
        install(other, "/venv/bin/python")
    before = mark_in(path.lstat())  # without the time of the last access: it is read

    with pytest.raises(Failure, match="not from codeserver"):
        install(path, "/venv/bin/python")

    assert mark_in(path.lstat()) == before
