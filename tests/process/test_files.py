"""Files of a server that cannot start, or that ends: what it says, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.process.access import Issuer
from tests.process.conftest import Start
from tests.process.serving import USER_CODE

REPO = f"python_file = '{USER_CODE / 'repo.py'}'"


@pytest.fixture
def issuer(work: Path) -> Issuer:
    (work / "tls").mkdir()
    return Issuer(trustme.CA(), work / "tls")


def ended(folder: Path, *options: str) -> str:
    """What a server says that does not start, with this folder for all its files."""
    run = subprocess.run(
        [sys.executable, "-m", "codeserver", "grpc", *options],
        env={**os.environ, "TMPDIR": str(folder), "DAGSTER_HOME": str(folder)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    return run.stderr


LISTS = {"one": ("-f", str(USER_CODE / "repo.py")), "several": ("--locations", "../list.toml")}


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("fault", ["a pipe", "no certificate", "a folder", "a host"])
def test_a_start_that_fails_leaves_nothing(
    work: Path, issuer: Issuer, place: str, fault: str
) -> None:
    (work / "list.toml").write_text(f"[locations.a]\n{REPO}\n")
    os.mkfifo(work / "pipe")
    folder = work / "own"
    folder.mkdir()
    tls = issuer.issue("server", "localhost")
    options, reason = {
        "a pipe": (["--auth-token-file", "../pipe"], "pipe cannot be read: it is not a regular"),
        "no certificate": (["--tls-cert", "../no", "--tls-key", "../no"], "no cannot be read: No"),
        "a folder": (["--listen", "unix:nowhere/s"], "there is no folder"),
        "a host": ([*tls, "--listen", "192.0.2.1:0"], "Port 0 on 192.0.2.1 cannot be bound"),
    }[fault]
    said = ended(folder, *LISTS[place], "-s", "s", "--listen", "unix:t", *options)
    assert reason in said
    assert sorted(os.listdir(folder)) == []


def test_modes_of_sockets_and_folders(start: Start, work: Path, issuer: Issuer) -> None:
    """Whatever the umask is: others can enter no folder of the server."""
    work.chmod(0o755)
    before = os.umask(0)
    try:
        (work / "tmp").mkdir()
        server = start(
            *("-f", str(USER_CODE / "repo.py")),
            *issuer.issue("server", "localhost"),
            *("--auth-token-file", str(_tokens(work))),
            *("--listen", "localhost:0,gateway"),
            *("--listen", f"unix:{work / 'mine'},mode=600", "--listen", f"unix:{work / 'all'}"),
            env={"TMPDIR": str(work / "tmp")},
        )
    finally:
        os.umask(before)
    modes = {name: (work / name).stat().st_mode & 0o777 for name in ("mine", "all")}
    assert modes == {"mine": 0o600, "all": 0o777}
    (folder,) = (work / "tmp").glob("codeserver-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(os.listdir(folder)) == 6, "with TLS and without, for each role"
    server.front.terminate()
    assert server.wait_for_exit() == 0
    assert not (work / "mine").exists()
    assert os.listdir(work / "tmp") == []


def _tokens(folder: Path) -> Path:
    path = folder / "tokens"
    path.write_text("ci 0123456789abcdef0123456789abcdef\n")
    return path
