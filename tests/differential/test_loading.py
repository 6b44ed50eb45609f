"""ListRepositories for everything that can be loaded, and that cannot be; and ShutdownServer."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from tests.differential import calls
from tests.differential.calls import Call, raw
from tests.differential.cases import Case, check
from tests.differential.plain import value
from tests.differential.sides import AMONG_SEVERAL, USER_CODE, Side, serving

IMAGE = "example.org/code:1"
CONTEXT = '{"k8s": {"namespace": "data"}, "env_vars": ["A=1"]}'

LARGE = "second"  # in more than two chunks

# name: options, what must occur in the answer, repositories
GOOD: dict[str, tuple[list[str], str, list[str]]] = {
    "several repositories, container": (
        ["-f", "several.py", "--container-image", IMAGE, "--container-context", CONTEXT],
        '"namespace": "data"',
        ["first", "second"],
    ),
    "attribute that makes a repository, relative folder": (
        ["-f", "several.py", "-a", "third", "-d", ".", "--location-name", "here"],
        '"attribute": "third"',
        ["on_demand"],
    ),
    "only assets, no working directory": (
        ["-f", "only_assets.py", "--empty-working-directory"],
        "LOAD_ALL_ASSETS",
        [calls.REPOSITORY],
    ),
    "lazy definitions in a module, entry point": (
        ["-m", "shop.definitions", "--use-python-environment-entry-point"],
        '"attribute": "lazily"',
        [calls.REPOSITORY],
    ),
    "package": (
        ["--package-name", "shop", "-d", str(USER_CODE)],
        '"attribute": "catalogue"',
        ["catalogue"],
    ),
}

# name: the file's text, options, what must occur in the answer; errors that stock wraps in one of
# its own are in test_load_error
BAD: dict[str, tuple[str | None, list[str], str]] = {
    "missing attribute": ("", ["-f", "bad.py", "-a", "nope"], "nope not found"),
    "definitions that do not fit together": (
        "import dagster as dg\n\n@dg.op(required_resource_keys={'db'})\ndef query(): ...\n\n"
        "@dg.job\ndef report(): query()\n\ndefs = dg.Definitions(jobs=[report])\n",
        ["-f", "bad.py"],
        "resource with key 'db' required by op 'query' was not provided",
    ),
    "no such module": (None, ["-m", "no_such_module"], "No module named 'no_such_module'"),
}


def _idle(side: Side) -> object:
    reply = value(side.client.shutdown_server())
    return {"reply": reply, "exit_code": side.server.process.wait(timeout=calls.TIMEOUT)}


IDLE = Case("idle", Call("ShutdownServer", _idle), expect='"exit_code": 0')


@pytest.mark.parametrize("name", GOOD)
def test_loads(name: str, work: Path) -> None:
    if AMONG_SEVERAL and "relative folder" in name:
        pytest.skip("a file of locations has its folders in full")
    options, expect, repositories = GOOD[name]
    if any("shop" in option for option in options) and not hasattr(dg, "definitions"):
        pytest.skip("this Dagster has no lazy definitions")
    folder = work / f"good{list(GOOD).index(name)}"
    folder.mkdir()
    with serving(options, folder) as pair:
        check(Case(name, calls.list_repositories(), expect), pair)
        check(Case(name, raw("GetCurrentImage"), "current_image"), pair)
        for repository in repositories:
            named = f'"name": "{repository}"'
            check(Case(name, calls.repository(repository=repository), named), pair)
            chunks = '"sequence_numbers": ' + ("[0, 1, 2" if repository == LARGE else "[0]")
            check(Case(name, calls.repository_stream(repository=repository), chunks), pair)
        if not AMONG_SEVERAL:  # where it starts that location anew
            check(IDLE, pair)


@pytest.mark.parametrize("name", BAD)
def test_does_not_load(name: str, work: Path) -> None:
    text, options, expect = BAD[name]
    folder = work / f"bad{list(BAD).index(name)}"
    folder.mkdir()
    if text is not None:
        (folder / "bad.py").write_text(text)
    with serving(options, folder, cwd=folder) as pair:
        check(Case(name, calls.list_repositories(), expect), pair)
