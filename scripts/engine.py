"""The program that builds and runs containers here: podman, or docker where its daemon answers."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "image"
ENGINES = ("podman", "docker")
DAEMON_SECONDS = 20
MOST_PROCESSES = 32768
"""For a container. Podman cannot always pass on all that it is allowed itself."""


class NoEngine(Exception):
    """Nothing here can build or run a container; the message says why."""


@dataclass(frozen=True)
class Engine:
    """One of the two programs, which understand the same commands.

    Attributes:
        name: the program.
        environment: the variables it is given besides those that are there.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, timeout: float | None = None, show: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of it to its end; what it prints is returned, or shown."""
        return subprocess.run(
            (self.name, *words),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def has_image(self, image: str) -> bool:
        """Whether an image is on this machine."""
        return self.run("image", "inspect", image).returncode == 0

    @property
    def build_options(self) -> Sequence[str]:
        """What makes its images equal to the other's: podman's own format has no health check."""
        return ("--format", "docker") if self.name == "podman" else ()


def find(environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine of this machine: podman if there are both, unless CONTAINER_ENGINE names one.

    Raises:
        NoEngine: there is none, or only one without its daemon.
    """
    wanted = environment.get("CONTAINER_ENGINE")
    names = (wanted,) if wanted else ENGINES
    if wanted and wanted not in ENGINES:
        raise NoEngine(f"CONTAINER_ENGINE={wanted} is neither of {', '.join(ENGINES)}")
    if "podman" in names and shutil.which("podman"):
        return Engine("podman", podman_environment(CACHE))
    if not ("docker" in names and shutil.which("docker")):
        raise NoEngine(f"{' or '.join(names)} is not installed")
    # The Dockerfile mounts secrets and caches, which docker before 23 only does when it is told to.
    docker = Engine("docker", {"DOCKER_BUILDKIT": "1"})
    with contextlib.suppress(subprocess.TimeoutExpired):
        if docker.run("version", timeout=DAEMON_SECONDS).returncode == 0:
            return docker
    raise NoEngine("docker's daemon does not answer")


def podman_environment(folder: Path) -> dict[str, str]:
    """Variables with which podman works in a machine that is a container itself.

    Its defaults raise limits above those that it has, and make a network and groups of processes
    that it may not make. Whoever has a configuration, or is not root, has taken care of that.
    """
    if "CONTAINERS_CONF" in os.environ or os.getuid() != 0:
        return {}
    path = folder / "containers.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(configuration(has_runc=shutil.which("runc") is not None))
    return {"CONTAINERS_CONF": str(path)}


def configuration(*, has_runc: bool) -> str:
    """The text of a `containers.conf` that asks for no more than there is."""
    limits = [
        _limit("nofile", resource.RLIMIT_NOFILE),
        _limit("nproc", resource.RLIMIT_NPROC, MOST_PROCESSES),
    ]
    # runc works with every layout of cgroups; crun, which podman prefers, refuses a mixed one.
    runtime = 'runtime = "runc"\n' if has_runc else ""
    return (
        "[containers]\n"
        f"default_ulimits = [{', '.join(repr(each) for each in limits)}]\n"
        'netns = "host"\n'
        "[engine]\n"
        f"{runtime}"
        'cgroup_manager = "cgroupfs"\n'
        'events_logger = "file"\n'
    ).replace("'", '"')


def _limit(name: str, kind: int, most: int | None = None) -> str:
    """A limit of this process as podman writes it, or less."""
    soft, hard = (
        value if most is None else min(most, value) if value >= 0 else most
        for value in resource.getrlimit(kind)
    )
    return f"{name}={soft}:{hard}"
