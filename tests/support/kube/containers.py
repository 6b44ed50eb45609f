"""Containers of real images, by podman or docker.

What a pod says of its container happens to it: image, arguments, environment, volumes, memory limit
and security context. Its network is this machine's, so what listens on loopback can be reached.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.engine import Engine
from tests.support.eventually import PATIENCE, eventually
from tests.support.kube.processes import Container, End, Mount, Running, Start

LIMIT = PATIENCE
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 10**3, "M": 10**6, "G": 10**9}


class EngineContainer:
    """A container of an image. Images have no ENTRYPOINT here: arguments are the whole command."""

    def __init__(self, engine: Engine, container: Container) -> None:
        self._engine = engine
        self._name = f"codeserver-test-{uuid.uuid4().hex[:12]}"
        self._limited = memory_limit(container.spec) is not None
        # Some versions of what watches a container leave a file in the folder that it is started
        # in when memory has run out, where the engine does not find it.
        self._folder = container.log.with_suffix(".engine")
        self._folder.mkdir()
        self._do(
            "create", "--name", self._name, *options(container), container.image, *container.argv
        )
        with container.log.open("ab") as log:
            self._attached = subprocess.Popen(
                [engine.name, "start", "--attach", self._name],
                env={**os.environ, **engine.environment},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> End:
        """Wait for the end."""
        code = self._attached.wait()
        return End(code, out_of_memory=code != 0 and self._limited and self._out_of_memory())

    def terminate(self) -> None:
        """Ask the first process to end."""
        self._signal("TERM")

    def kill(self) -> None:
        """Kill all of its processes."""
        self._signal("KILL")

    def remove(self) -> None:
        """Take it away, with what it has written."""
        self._do("rm", "--force", "--volumes", self._name)

    def _signal(self, name: str) -> None:
        """Send a signal to the first process, as soon as there is one."""

        def sent() -> bool:
            command = ("kill", "--signal", name, self._name)
            done = self._engine.run(*command, timeout=LIMIT).returncode == 0
            return done or self._attached.poll() is not None

        eventually(sent, what=f"{self._name} gets {name}")

    def _out_of_memory(self) -> bool:
        state = self._do("inspect", "--format", "{{.State.OOMKilled}}", self._name)
        return state.strip() == "true" or (self._folder / "oom").exists()

    def _do(self, *words: str) -> str:
        done = self._engine.run(*words, timeout=LIMIT)
        if done.returncode != 0:
            raise OSError(f"{self._engine.name} {words[0]}: {done.stdout}")
        return done.stdout


def containers(engine: Engine) -> Start:
    """What starts containers, for a `Cluster`."""

    def start(container: Container) -> Running:
        return EngineContainer(engine, container)

    return start


def options(container: Container) -> Iterator[str]:
    """How a container is run, in the words that podman and docker share."""
    yield from ("--network=host", "--no-healthcheck")  # clusters have probes of their own
    for name, value in container.env.items():
        yield f"--env={name}={value}"
    if container.cwd:
        yield f"--workdir={container.cwd}"
    yield from map(_mount, container.mounts)
    if limit := memory_limit(container.spec):
        yield from (f"--memory={limit}b", f"--memory-swap={limit}b")
    yield from _security(container.spec.get("securityContext") or {})


def _mount(mount: Mount) -> str:
    if mount.source is None:
        return f"--tmpfs={mount.target}"
    return f"--volume={mount.source}:{mount.target}{':ro' if mount.read_only else ''}"


def _security(context: Mapping[str, Any]) -> Iterator[str]:
    if "runAsUser" in context:
        yield f"--user={context['runAsUser']}:{context.get('runAsGroup', 0)}"
    if context.get("readOnlyRootFilesystem"):
        yield "--read-only"
    if context.get("allowPrivilegeEscalation") is False:
        yield "--security-opt=no-new-privileges"
    for capability in context.get("capabilities", {}).get("drop", ()):
        yield f"--cap-drop={capability.lower()}"


def memory_limit(spec: Mapping[str, Any]) -> int | None:
    """The most memory that a container may take, in bytes."""
    said = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
    if said is None:
        return None
    unit = next((each for each in UNITS if str(said).endswith(each)), "")
    return int(str(said).removesuffix(unit)) * UNITS.get(unit, 1)
