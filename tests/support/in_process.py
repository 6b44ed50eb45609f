"""Commands of `codeserver` without a process for each, which would import as much as they do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from codeserver.cli.commands import cli


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def invoke(*arguments: str, cwd: Path, **env: str) -> Ended:
    """Run a command in this directory, with these further variables."""
    before = Path.cwd()
    os.chdir(cwd)
    try:
        runner = CliRunner(env={"FORCE_COLOR": None, "TZ": "UTC", **env})
        done = runner.invoke(cli, arguments, prog_name="codeserver")
    finally:
        os.chdir(before)
    return Ended(done.exit_code, done.stdout, done.stderr)
