"""Commands of `codeserver` without a process for each, which would import as much as they do."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from codeserver.cli.commands import cli


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class _Runner(CliRunner):
    """One whose stderr has no buffer, because older releases do not flush it."""

    @contextmanager
    def isolation(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with super().isolation(*arguments, **options) as streams:
            sys.stderr.reconfigure(write_through=True)
            yield streams


def runner(**options: Any) -> CliRunner:
    """One that keeps what is printed to stderr apart, too, which older releases must be told."""
    if "mix_stderr" in inspect.signature(CliRunner).parameters:
        options["mix_stderr"] = False
    return _Runner(**options)


def invoke(*arguments: str, cwd: Path, **env: str) -> Ended:
    """Run a command in this directory, with these further variables."""
    before = Path.cwd()
    os.chdir(cwd)
    try:
        variables = {"FORCE_COLOR": None, "TZ": "UTC", **env}
        done = runner(env=variables).invoke(cli, arguments, prog_name="codeserver")
    finally:
        os.chdir(before)
    return Ended(done.exit_code, done.stdout, done.stderr)
