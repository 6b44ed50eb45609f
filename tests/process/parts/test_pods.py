"""What makes a pod begin and end sooner, and that nothing but the time is different."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

import pytest

from codeserver.dagster_command import pods


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
import gc, sys
from codeserver.dagster_command import pods
if sys.argv[1] == "ours":
    frozen = gc.get_freeze_count()
    assert pods.command("execute_run", ["{}"])
    collects_seldom = gc.get_threshold()[0] == pods._COLLECT_WHILE_LOADING[0]
    prepared = gc.isenabled(), collects_seldom, gc.get_freeze_count() - frozen > 100_000
else:
    prepared = ()
    import dagster._cli
import dagster._core.storage.sqlite_storage
from dagster_shared.serdes.serdes import _WHITELIST_MAP
print(sorted(_WHITELIST_MAP.object_deserializers), sorted(_WHITELIST_MAP.enum_serializers))
print("dagster._daemon.controller" in sys.modules, "dagster._cli.job" in sys.modules)
print(*prepared)
"""


def test_what_was_not_imported_leaves_nothing_unknown() -> None:
    """Importing is what makes Dagster able to read what has been written.

    Garbage is looked for seldom while code is loaded, and not in what has been imported.
    """
    ours, stock = (program(KNOWN, side).splitlines() for side in ("ours", "stock"))

    assert ours[0] == stock[0]
    assert (ours[1], stock[1]) == ("False False", "True True")
    assert ours[2] == "True True True"


def test_collecting_seldom() -> None:
    before = gc.get_threshold()
    try:
        as_before = pods._collect_seldom()
        assert gc.get_threshold() != before
        as_before()
        assert gc.get_threshold() == before

        as_before = pods._collect_seldom()
        gc.set_threshold(12, 3, 4)
        as_before()
        assert gc.get_threshold() == (12, 3, 4), "somebody has set it"

        gc.set_threshold(0, 3, 4)
        pods._collect_seldom()()
        assert gc.get_threshold() == (0, 3, 4), "it is off"
    finally:
        gc.set_threshold(*before)


WHERE_IT_IS_NOT = """
import gc, sys
before = gc.get_threshold()
import dagster._core.definitions.repository_definition as module
del module.RepositoryDefinition.get_maybe_subset_job_def
from codeserver.dagster_command import pods
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
