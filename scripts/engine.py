"""The container engine of this machine: podman, or docker if its daemon answers."""

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
"""The limit for a container; podman cannot always pass on its own limit in full."""


class NoEngine(Exception):
    """No engine can build or run a container here; the message gives the reason."""


@dataclass(frozen=True)
class Engine:
    """Podman or docker, which take the same commands.

    Attributes:
        name: name of the program.
        environment: additional environment variables for it.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, timeout: float | None = None, show: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine to its end; its output is returned, or shown."""
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
        """Options for images in docker's format; podman's default format has no health check."""
        return ("--format", "docker") if self.name == "podman" else ()


def find(environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine of this machine: podman if both exist, unless CONTAINER_ENGINE names one.

    Raises:
        NoEngine: there is no engine, or only docker without its daemon.
    """
    wanted = environment.get("CONTAINER_ENGINE")
    names = (wanted,) if wanted else ENGINES
    if wanted and wanted not in ENGINES:
        raise NoEngine(f"CONTAINER_ENGINE={wanted} is neither of {', '.join(ENGINES)}")
    if "podman" in names and shutil.which("podman"):
        return Engine("podman", podman_environment(CACHE))
    if not ("docker" in names and shutil.which("docker")):
        raise NoEngine(f"{' or '.join(names)} is not installed")
    # The Dockerfile mounts secrets and caches; docker before 23 needs BuildKit enabled for this.
    docker = Engine("docker", {"DOCKER_BUILDKIT": "1"})
    with contextlib.suppress(subprocess.TimeoutExpired):
        if docker.run("version", timeout=DAEMON_SECONDS).returncode == 0:
            return docker
    raise NoEngine("docker's daemon does not answer")


def podman_environment(folder: Path) -> dict[str, str]:
    """Environment variables with which podman works inside a container.

    Podman's defaults raise limits above its own, and create a network and cgroups without the
    permission to do so. Users with their own configuration, or without root, need no variables.
    """
    if "CONTAINERS_CONF" in os.environ or os.getuid() != 0:
        return {}
    path = folder / "containers.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(configuration(has_runc=shutil.which("runc") is not None))
    return {"CONTAINERS_CONF": str(path)}


def configuration(*, has_runc: bool) -> str:
    """The text of a `containers.conf` that stays within the limits of this machine."""
    limits = [
        _limit("nofile", resource.RLIMIT_NOFILE),
        _limit("nproc", resource.RLIMIT_NPROC, MOST_PROCESSES),
    ]
    # runc works with every layout of cgroups; podman's default, crun, refuses a mixed one.
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
    """A resource limit of this process in podman's syntax, capped at `most`."""
    soft, hard = (
        value if most is None else min(most, value) if value >= 0 else most
        for value in resource.getrlimit(kind)
    )
    return f"{name}={soft}:{hard}"
