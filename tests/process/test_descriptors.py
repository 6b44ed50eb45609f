"""What a server says and hears through descriptors that whoever has started it has passed on."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from codeserver import connect
from tests.process.serving import LIMIT, USER_CODE
from tests.support.servers import OURS_WARM


@contextlib.contextmanager
def starting(home: Path, *options: str, **popen: Any) -> Iterator[subprocess.Popen[str]]:
    command = [*OURS_WARM, "-f", str(USER_CODE / "repo.py"), *options]
    env = {**os.environ, "DAGSTER_HOME": str(home)}
    with subprocess.Popen(command, env=env, text=True, **popen) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def pipe() -> Iterator[tuple[IO[str], IO[str]]]:
    reader, writer = os.pipe()
    with os.fdopen(reader) as ours, os.fdopen(writer, "w") as theirs:
        yield ours, theirs


def answers(address: str) -> bool:
    with connect(address, timeout=LIMIT) as client:
        return bool(client.location().name)


def test_addresses_come_when_it_listens(home: Path, work: Path, pipe: Any) -> None:
    reader, writer = pipe
    fd = writer.fileno()
    options = ("-p", "0", "-s", f"{work}/s", "--ready-fd", str(fd))
    with starting(home, *options, pass_fds=[fd]):
        writer.close()

        path, *others = reader.read().splitlines()  # to the end: the server has closed it

        assert path == f"unix:{work}/s"
        assert all(map(answers, [path, *others]))
        assert any(address.startswith("127.0.0.1:") for address in others)


def test_nothing_comes_from_one_that_cannot_listen(home: Path, work: Path, pipe: Any) -> None:
    reader, writer = pipe
    fd = writer.fileno()
    with starting(home, "-s", f"{work}/no/s", "--ready-fd", str(fd), pass_fds=[fd]) as server:
        writer.close()

        assert reader.read() == ""
        assert server.wait() == 1


def test_nobody_reads_the_addresses(home: Path, work: Path, pipe: Any) -> None:
    reader, writer = pipe
    reader.close()
    fd = writer.fileno()
    options = ("-s", f"{work}/s", "--ready-fd", str(fd))
    with starting(home, *options, pass_fds=[fd], stderr=subprocess.PIPE) as server:
        assert server.stderr
        said = next(line for line in server.stderr if "--ready-fd" in line)

        assert f"--ready-fd {fd} cannot be written to: Broken pipe" in said
        assert answers(f"unix:{work}/s")
        server.terminate()
        server.stderr.read()


def test_it_ends_with_its_standard_input(home: Path) -> None:
    """As a program in another language starts one, and reads where it listens."""
    options = ("-p", "0", "--ready-fd", "1", "--lifeline-fd", "0")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with starting(home, *options, **pipes) as server:
        assert server.stdin
        assert server.stdout
        assert answers(server.stdout.readline().rstrip())

        server.stdin.close()

        assert server.wait() == 0
