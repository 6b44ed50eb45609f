"""A container for as long as a block lasts."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.engine import Engine
from tests.support.eventually import eventually

LIMIT = 60


@dataclass
class Container:
    """A container without a network, which is removed at the end.

    Attributes:
        engine: what runs it.
        image: what it is made of.
        options: how it is run, in the words that podman and docker share.
        command: what runs in it instead of the image's own command.
    """

    engine: Engine
    image: str
    options: Sequence[str] = ()
    command: Sequence[str] = ()
    name: str = field(default_factory=lambda: f"codeserver-test-{uuid.uuid4().hex[:12]}")

    def __enter__(self) -> Container:
        started = self.engine.run(
            *("run", "--detach", "--name", self.name, "--network=none", *self.options),
            *(self.image, *self.command),
            timeout=LIMIT,
        )
        assert started.returncode == 0, started.stdout
        return self

    def __exit__(self, *exc: object) -> None:
        removed = self.engine.run("rm", "--force", "--volumes", self.name, timeout=LIMIT)
        assert removed.returncode == 0, removed.stdout

    def run(self, *words: str, timeout: float = LIMIT) -> subprocess.CompletedProcess[str]:
        """Run a command in it, beside the server."""
        return self.engine.run("exec", self.name, *words, timeout=timeout)

    def says(self, *words: str) -> str:
        """What a command prints that must succeed."""
        ended = self.run(*words)
        assert ended.returncode == 0, f"{words}: {ended.stdout}\n{self.log}"
        return ended.stdout

    def wait_until_serving(self) -> None:
        """Return when the health check of the image is content."""
        eventually(
            lambda: self.run("codeserver", "health").returncode == 0, every=0.3, what="SERVING"
        )

    def stop(self, *, grace: int) -> int:
        """Ask it to end, as clusters do; returns the exit code, 137 when it had to be killed."""
        stopped = self.engine.run("stop", "--time", str(grace), self.name, timeout=grace + LIMIT)
        assert stopped.returncode == 0, stopped.stdout
        code = self.engine.run("inspect", "--format", "{{.State.ExitCode}}", self.name)
        return int(code.stdout)

    @property
    def log(self) -> str:
        """Everything that it has printed."""
        return self.engine.run("logs", self.name).stdout
