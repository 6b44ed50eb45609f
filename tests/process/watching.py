"""`codeserver status --watch` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.process.serving import LIMIT
from tests.support.eventually import eventually

CODESERVER = (sys.executable, "-m", "codeserver")


def environment(env: Mapping[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    return {**plain, "TZ": "UTC", **env}


class Watching:
    """A running `codeserver status --watch`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self._log = process, log

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self._log.read_text(), what=text)

    def wait_for_exit(self) -> tuple[int, str]:
        return self.process.wait(LIMIT), self._log.read_text()


@contextlib.contextmanager
def watching(address: str, work: Path, *options: str) -> Iterator[Watching]:
    log = work / "watched"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*CODESERVER, "status", "--watch", "--address", address, *options],
            cwd=work,
            env=environment({}),
            stdout=output,
            stderr=output,
            text=True,
        )
    with process:
        try:
            yield Watching(process, log)
        finally:
            process.kill()
