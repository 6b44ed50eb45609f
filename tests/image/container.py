"""A container for as long as a block lasts."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scripts.engine import Engine
from tests.support.eventually import PATIENCE, eventually

LIMIT = PATIENCE

CONFINED = (
    *("--read-only", "--tmpfs=/tmp"),
    *("--cap-drop=all", "--security-opt=no-new-privileges", "--user=12345:0"),
)
"""As strict as clusters get, and with a user id of the cluster's own choice."""

ZOMBIES = """\
import pathlib
stats = (each.read_text() for each in pathlib.Path("/proc").glob("[0-9]*/stat"))
print(sum(text.rpartition(")")[2].split()[0] == "Z" for text in stats))
"""


def new_name() -> str:
    """A name that no other container has."""
    return f"codeserver-test-{uuid.uuid4().hex[:12]}"


def remove(engine: Engine, name: str) -> None:
    """Remove a container, also one that runs."""
    removed = engine.run("rm", "--force", "--volumes", name, timeout=LIMIT)
    assert removed.returncode == 0, removed.stdout


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
    name: str = field(default_factory=new_name)

    def __enter__(self) -> Container:
        started = self.engine.run(
            *("run", "--detach", "--name", self.name, "--network=none", *self.options),
            *(self.image, *self.command),
            timeout=LIMIT,
        )
        assert started.returncode == 0, started.stdout
        return self

    def __exit__(self, *exc: object) -> None:
        remove(self.engine, self.name)

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


@contextlib.contextmanager
def foreground(engine: Engine, image: str, *options: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The name of a confined container, and the command that runs it for as long as it lasts.

    What it is to run is still to be added to the command. It is removed in the end.
    """
    name = new_name()
    words = ("run", "--name", name, "--no-healthcheck", "--network=none", *CONFINED, *options)
    try:
        yield name, (engine.name, *words, image)
    finally:
        remove(engine, name)


def has_memory_limits(engine: Engine, image: str) -> bool:
    """Whether this machine can limit the memory of containers."""
    most = 64 << 20
    files = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    tried = engine.run(
        *("run", "--rm", "--no-healthcheck", "--network=none", f"--memory={most}b"),
        *(image, "sh", "-c", f"cat {' '.join(files)} 2>&1"),
        timeout=LIMIT,
    )
    return str(most) in tried.stdout.split()


def zombies(engine: Engine, name: str) -> int:
    """How many processes of a container have ended, and nobody has taken note of it."""
    counted = engine.run("exec", name, "python", "-c", ZOMBIES, timeout=LIMIT)
    assert counted.returncode == 0, counted.stdout
    return int(counted.stdout)
