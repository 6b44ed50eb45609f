"""Code that does not load: every call says why, and GetLocation is answered all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from codeserver.api import v1
from tests.api.calling import USER_CODE, Api
from tests.api.conftest import Serve

Code = grpc.StatusCode

BROKEN = USER_CODE / "broken.py"
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("ListJobs", {}),
    ("ListAssets", {}),
    ("ListSchedules", {}),
    ("ListSensors", {}),
    ("ListResources", {}),
    ("GetJob", {"name": "x"}),
    ("GetAssetGraph", {}),
    ("GetAssetGraph", {"selection": "x"}),
    ("GetExecutionPlan", {"job": "x"}),
    ("GetRunConfigSchema", {"job": "x"}),
    ("ListPartitions", {"job": "x"}),
    ("ReloadLocation", {}),
]


@pytest.fixture(scope="module")
def broken(serve: Serve) -> Api:
    return serve("broken")


@pytest.mark.parametrize(("rpc", "fields"), CALLS, ids=str)
def test_every_call_says_why(broken: Api, rpc: str, fields: dict[str, Any]) -> None:
    failure = broken.failure(rpc, **fields)

    assert failure.code is Code.FAILED_PRECONDITION
    assert "the database has no settings" in failure.message
    assert "\n" not in failure.message
    error = failure.only(v1.LoadError)
    assert (error.type, error.message) == ("ConnectionError", "the database has no settings")
    assert error.frames
    assert error.cause.type == "FileNotFoundError"


def test_the_location_is_told_all_the_same(broken: Api) -> None:
    location = broken.loaded()

    assert location.state == v1.Location.STATE_FAILED
    assert location.generation == 0
    assert location.loads == location.failed_loads >= 1
    assert location.server_id
    assert location.target.python_file == str(BROKEN)
    for absent in ("loaded_at", "load_times", "counts", "isolation"):
        assert not location.HasField(absent)
    assert not location.repositories


def test_the_error_has_its_frames_and_what_it_was_raised_from(broken: Api) -> None:
    error = broken.loaded().load_error

    source = BROKEN.read_text().splitlines()
    assert [frame.function for frame in error.frames[-2:]] == ["<module>", "connect"]
    for each in (error, error.cause, error.cause.context):
        for frame in each.frames:
            assert "codeserver/worker" not in frame.file
            if frame.file == str(BROKEN):
                assert source[frame.line - 1].strip() == frame.code
    assert not error.HasField("context")
    assert error.cause.type == "FileNotFoundError"
    assert "/no/such/file" in error.cause.message
    assert error.cause.frames[-1].code == 'open("/no/such/file")'
    assert (error.cause.context.type, error.cause.context.message) == ("KeyError", "'settings'")
    assert "the database has no settings" in error.text
    assert (error.cause.text, error.cause.context.text) == ("", "")


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("def broken(:", "SyntaxError", "invalid syntax"),
        ("import no_such_module", "DagsterImportError", "no_such_module"),
        ("import os; os._exit(5)", "", "code 5"),
        ("import os; os.kill(os.getpid(), 9)", "", "SIGKILL"),
        ("raise RuntimeError('größe ✓ \\n two lines')", "RuntimeError", "größe ✓"),
        ("raise RuntimeError('bad: \\udcff')", "RuntimeError", "bad: "),
        ("raise RuntimeError('x' * 5_000_000)", "RuntimeError", "xxx"),
        ("class E(Exception): pass\nraise E", "E", ""),
        ("import dagster", None, "No Definitions"),
        (
            "error = None\nfor level in range(300):\n  cause = error\n"
            "  error = RuntimeError(f'level {level}')\n  error.__cause__ = cause\nraise error",
            "RuntimeError",
            "level 299",
        ),
        ("def again(n):\n  again(n + 1)\nagain(0)", "RecursionError", "recursion"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_errors_of_every_sort(
    serve: Serve, tmp_path_factory: Any, code: str, kind: str | None, says: str
) -> None:
    api, file = _edited(serve, tmp_path_factory)
    file.write_text(code)

    failure = api.failure("ReloadLocation")

    assert failure.code is Code.FAILED_PRECONDITION
    assert says in failure.message or says in failure.only(v1.LoadError).message
    location = api.location  # with the limits that every client has
    assert location.state == v1.Location.STATE_FAILED
    if kind is not None:
        assert failure.only(v1.LoadError).type == location.load_error.type == kind
    assert says in location.load_error.message
    assert api.failure("ListJobs").code is Code.FAILED_PRECONDITION


_FILES: dict[Any, Path] = {}


def _edited(serve: Serve, tmp_path_factory: Any) -> tuple[Api, Path]:
    """One server of a file that these tests write."""
    if serve not in _FILES:
        _FILES[serve] = tmp_path_factory.mktemp("failed") / "served.py"
        _FILES[serve].write_text("")
    file = _FILES[serve]
    return serve(file, "--on-reload-error", "surface"), file
