"""What importing the package costs, and what it can be in one process with."""

from __future__ import annotations

import subprocess
import sys

import pytest

import codeserver

HEAVY = ("click", "codeserver.api", "dagster", "google", "grpc", "rich", "typing")


def python(program: str) -> str:
    """What it prints."""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize(
    ("program", "heavy"),
    [
        ("import codeserver", HEAVY),
        ("import codeserver.client", HEAVY),
        ("import codeserver.client.addresses", HEAVY),
        ("import codeserver.probe.health", HEAVY),
        ("import codeserver.probe.asking", HEAVY),
        ("from codeserver import connect, NotFoundError, CodeServer", ("dagster", "grpc", "click")),
        ("import codeserver.testing", ("dagster", "grpc", "google", "click", "codeserver.client")),
    ],
)
def test_imports_are_light(program: str, heavy: tuple[str, ...]) -> None:
    found = python(f"{program}; import sys; print(*[m for m in {heavy!r} if m in sys.modules])")

    assert found == ""


def test_every_name_can_be_had() -> None:
    for name in codeserver.__all__:
        assert getattr(codeserver, name).__name__ == name
    assert set(codeserver.__all__) <= set(dir(codeserver))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        codeserver.nothing  # noqa: B018


DAGSTER = "from dagster._grpc.__generated__ import dagster_api_pb2 as theirs"
OURS = "import codeserver; from codeserver.api import v1; codeserver.connect('localhost:1').close()"


@pytest.mark.parametrize("first", [DAGSTER, OURS], ids=["dagster first", "ours first"])
def test_beside_the_messages_of_dagster(first: str) -> None:
    second = OURS if first == DAGSTER else DAGSTER
    use = "print(v1.Job(name='j').name, theirs.PingRequest(echo='e').echo)"

    assert python("\n".join((first, second, use))) == "j e"
