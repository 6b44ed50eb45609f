"""Marks of tests for systems other than Linux, and for Linux without its ways."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from codeserver.system import IS_LINUX

_VARIABLE = "CODESERVER_TEST_PORTABLE"
_ASKED = "import os; from codeserver import system; print(system.IS_LINUX, hasattr(os, 'waitid'))"

FORKED = pytest.mark.forked
"""For what is about evaluators and runs that are forked with the code. Elsewhere than on Linux they
are if `--isolation fork` asks for it."""


def needs_linux(reason: str) -> pytest.MarkDecorator:
    """For what has no second way."""
    return pytest.mark.skipif(not IS_LINUX, reason=reason)


def fault_marks(deed: str) -> tuple[pytest.MarkDecorator, ...]:
    """The marks of a test of user code that does harm."""
    return (needs_linux("no limit of memory ends it elsewhere"),) if deed == "allocates" else ()


def ask_for_forks(item: pytest.Item) -> None:
    """Have the servers of a test fork, if it is about that and they would not by themselves."""
    if IS_LINUX:
        return
    if item.get_closest_marker("forked"):
        os.environ["CODESERVER_ISOLATION"] = "fork"
    else:
        os.environ.pop("CODESERVER_ISOLATION", None)


def isolation() -> str | None:
    """The isolation of servers that are started now without the option."""
    return os.environ.get("CODESERVER_ISOLATION")


def refuse_an_empty_proof() -> None:
    """Raise if the ways of Linux should be taken away, and are not, here or in a new process."""
    if not os.environ.get(_VARIABLE):
        return
    asked = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=False
    )
    if IS_LINUX or hasattr(os, "waitid") or asked.stdout.split() != ["False", "False"]:
        raise pytest.UsageError(
            f"{_VARIABLE} is set, but the ways of Linux are there: run `make test-portable`, which "
            f"installs the hook into the environment. {asked.stderr}".rstrip()
        )
