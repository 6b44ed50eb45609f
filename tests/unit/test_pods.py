"""What makes a pod begin and end sooner, and that nothing but the time is different."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeserver.worker import collecting, pods
from codeserver.worker.deferring import defer


@pytest.mark.parametrize(
    ("arguments", "is_plain"),
    [
        ((), True),
        (("{}",), True),
        (("--compressed-input-json", "eJy"), True),
        # The rest is Dagster's to refuse, or to explain.
        (("-h",), False),
        (("--help",), False),
        (("--compressed-input-json",), False),
        (("--compressed-input-json", "--help"), False),
        (("--compressed-input", "eJy"), False),
        (("--nope", "eJy"), False),
        (("{}", "{}"), False),
        (("{}", "--compressed-input-json", "eJy"), False),
    ],
)
def test_which_arguments_are_plain(arguments: tuple[str, ...], is_plain: bool) -> None:
    assert pods._is_plain(arguments) == is_plain


def program(text: str, *arguments: str) -> str:
    """What a program prints, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


KNOWN = """
import importlib, sys
from codeserver.worker import pods
if sys.argv[1] == "ours":
    assert pods.command("execute_run", ["{}"])
else:
    import dagster._cli
import dagster._core.storage.sqlite_storage
from dagster_shared.serdes.serdes import _WHITELIST_MAP
print(sorted(_WHITELIST_MAP.object_deserializers), sorted(_WHITELIST_MAP.enum_serializers))
print("dagster._daemon.controller" in sys.modules, "dagster._cli.job" in sys.modules)
"""


def test_what_was_not_imported_leaves_nothing_unknown() -> None:
    """Importing is what makes Dagster able to read what has been written."""
    ours, stock = (program(KNOWN, side).splitlines() for side in ("ours", "stock"))

    assert ours[0] == stock[0]
    assert (ours[1], stock[1]) == ("False False", "True True")


PREPARED = """
import gc, sys
from codeserver.worker import collecting, pods
frozen = gc.get_freeze_count()
assert pods.command("execute_step", [])
print(gc.isenabled(), gc.get_threshold()[0] == collecting._WHILE_LOADING[0])
print(gc.get_freeze_count() - frozen > 100_000)
"""


def test_garbage_is_looked_for_in_what_is_made_later() -> None:
    assert program(PREPARED).splitlines() == ["True True", "True"]


WHERE_IT_IS_NOT = """
import gc, sys
before = gc.get_threshold()
import dagster._core.definitions.repository_definition as module
del module.RepositoryDefinition.get_maybe_subset_job_def
from codeserver.worker import pods
print(pods.command("execute_run", ["{}"]) is not None, gc.get_threshold() == before)
print(pods.command("execute_step", ["--help"]))
sys.modules["dagster._cli.api"] = sys
print(pods.command("execute_step", ["{}"]), gc.get_threshold() == before)
"""


def test_where_dagster_is_not_what_it_was() -> None:
    assert program(WHERE_IT_IS_NOT).splitlines() == ["True True", "None", "None True"]


WHEN_LOADED = """
import dagster as dg
from dagster import RepositoryDefinition
from codeserver.worker import dagster_internals

called = []
before = RepositoryDefinition.get_maybe_subset_job_def
dagster_internals.call_when_loaded(lambda: called.append(1))

@dg.job
def job(): ...

repository = dg.Definitions(jobs=[job]).get_repository_def()
print(called)
print(repository.get_maybe_subset_job_def("job", None, None, None).name, called)
print(repository.get_maybe_subset_job_def("job", None, None, None).name, called)
print(RepositoryDefinition.get_maybe_subset_job_def is before)
"""


def test_it_calls_once_when_code_is_loaded() -> None:
    assert program(WHEN_LOADED).splitlines() == ["[]", "job [1]", "job [1]", "True"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package in a package, whose code notes that it has run."""
    inner = tmp_path / "outer_of_test" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("ran = []\n")
    (inner / "__init__.py").write_text(
        "import outer_of_test\nouter_of_test.ran.append(1)\n"
        "from outer_of_test.inner.other import two\nfrom outer_of_test.inner.small import one\n"
    )
    (inner / "small.py").write_text("one = object()\n")
    (inner / "other.py").write_text("from outer_of_test.inner import small\ntwo = small.one\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "outer_of_test.inner"
    for name in [name for name in sys.modules if name.startswith("outer_of_test")]:
        del sys.modules[name]


USES: list[Callable[[], Any]] = [
    lambda: __import__("outer_of_test.inner", fromlist=["two"]).two,
    lambda: __import__("outer_of_test.inner.other").inner.two,
    lambda: __import__("outer_of_test.inner.other", fromlist=["two"]).two,
    lambda: getattr(sys.modules["outer_of_test"], "inner").one,  # noqa: B009
]


@pytest.mark.parametrize("use", USES)
def test_a_deferred_package(package: str, use: Callable[[], Any]) -> None:
    outer: Any = __import__("outer_of_test")
    defer(package, "small")
    small = sys.modules[f"{package}.small"]
    assert outer.ran == []
    assert __import__(f"{package}.small", fromlist=["one"]) is small
    assert outer.ran == []
    held = sys.modules[package]

    assert use() is small.one  # type: ignore[attr-defined]

    real: Any = sys.modules[package]
    assert outer.ran == [1]
    assert outer.inner is real
    assert real.small is small
    assert (held.two, held.__path__) == (real.two, real.__path__)
    with pytest.raises(AttributeError, match="no attribute 'three'"):
        _ = held.three
    defer(package, "small")
    assert sys.modules[package] is real


@pytest.mark.parametrize(("name", "needed"), [("none", "small"), ("inner", "none")])
def test_what_cannot_be_deferred(package: str, name: str, needed: str) -> None:
    with pytest.raises(ImportError):
        defer(f"outer_of_test.{name}", needed)
    assert __import__(package, fromlist=["two"]).two


class Finalized:
    def __del__(self) -> None:
        pass


def _generator() -> Iterator[int]:
    yield 1


def _begun() -> Iterator[int]:
    generator = _generator()
    next(generator)
    return generator


def _ended() -> Iterator[int]:
    generator = _generator()
    list(generator)
    return generator


@pytest.mark.parametrize(
    ("make", "expect"),
    [
        (object, False),
        (list, False),
        (Finalized, True),
        (_begun, True),
        (_ended, False),
        (Path(__file__).open, False),
        (tempfile.TemporaryFile, True),
        (asyncio.new_event_loop, True),
    ],
)
def test_what_has_a_finalizer(make: Callable[[], Any], expect: bool) -> None:
    thing = make()
    try:
        assert collecting.has_finalizers([1, "", thing]) == expect
    finally:
        close = getattr(thing, "close", None)
        if close is not None:
            close()
    if close is not None:
        assert not collecting.has_finalizers([thing])


def test_collecting_seldom() -> None:
    before = gc.get_threshold()
    try:
        as_before = collecting.seldom()
        assert gc.get_threshold() != before
        as_before()
        assert gc.get_threshold() == before

        as_before = collecting.seldom()
        gc.set_threshold(12, 3, 4)
        as_before()
        assert gc.get_threshold() == (12, 3, 4), "somebody has set it"

        gc.set_threshold(0, 3, 4)
        collecting.seldom()()
        assert gc.get_threshold() == (0, 3, 4), "it is off"
    finally:
        gc.set_threshold(*before)
