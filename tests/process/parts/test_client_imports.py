"""What importing the package costs, and what it can be in one process with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster._grpc.__generated__ import dagster_api_pb2 as theirs

import codeserver
from codeserver.dagster_wire import dagster_api_pb2 as ours
from tests.support.eventually import PATIENCE

HEAVY = ("click", "codeserver.api", "dagster", "google", "grpc", "rich", "typing")


def python(program: str) -> str:
    """What it prints."""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
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


def test_help_and_the_module_of_main_import_neither_grpc_nor_protobuf() -> None:
    program = (
        "import contextlib, io, sys, codeserver.cli.main\n"
        "assert 'click' not in sys.modules\n"
        "from codeserver.cli.commands import cli\n"
        "with contextlib.redirect_stdout(io.StringIO()) as said:\n"
        "    cli(['--help'], standalone_mode=False)\n"
        "assert 'Usage' in said.getvalue(), said.getvalue()\n"
        "print([name for name in ('grpc', 'google.protobuf', 'rich', 'asyncio', 'dagster')"
        " if name in sys.modules])\n"
    )
    assert python(program) == "[]"


MEET = """
import importlib.util, pathlib, sys

def load(path):
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).parent.name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

first, second = map(load, sys.argv[1:])
data = first.PingReply(echo="a", serialized_server_utilization_metrics="b").SerializeToString()
assert second.PingReply.FromString(data).SerializeToString() == data
"""


@pytest.mark.parametrize("implementation", ["upb", "python"])
@pytest.mark.parametrize("modules", [(ours, theirs), (theirs, ours)], ids=["ours", "Dagster's"])
def test_both_modules_fit_into_one_process(implementation: str, modules: tuple[Any, Any]) -> None:
    """Whichever comes first: each defines `api.PingReply`, and protobuf refuses a taken name."""
    subprocess.run(
        [sys.executable, "-c", MEET, *(str(Path(module.__file__)) for module in modules)],
        env={"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation},
        timeout=PATIENCE,
        check=True,
    )
