"""The node: runs the first container of each pod, keeps its log, and ends what is deleted."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.kube.processes import Container, Running, Start
from tests.support.kube.store import ApiError, Object, Store, now

GRACE = 30  # seconds from SIGTERM to SIGKILL, where the pod does not say


@dataclass(frozen=True)
class Image:
    """What an image brings: environment and working directory. Its programs are this machine's."""

    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")


class Kubelet:
    """Runs pods.

    Args:
        store: where pods are, and where their status is written.
        images: what can be run, by name.
        start: starts a container.
        logs: a folder for what containers write.
    """

    def __init__(self, store: Store, images: Mapping[str, Image], start: Start, logs: Path) -> None:
        self._store = store
        self._images = images
        self._start = start
        self._logs = logs
        self._running: dict[str, Running] = {}
        self._ended = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def run(self, pod: Object, on_end: Callable[[bool], None]) -> None:
        """Start a pod in the background; `on_end` is told whether it has succeeded."""
        name = pod["metadata"]["name"]
        thread = threading.Thread(target=self._run, args=(pod, on_end), name=f"pod {name}")
        self._threads.append(thread)
        thread.start()

    def log(self, pod: Object) -> bytes:
        """What the pod's container has written."""
        path = self._log_of(pod)
        return path.read_bytes() if path.exists() else b""

    def delete(self, pod: Object, grace: float | None = None) -> None:
        """Ask a pod to end, kill it after `grace` seconds, and then take the object away."""
        name = pod["metadata"]["name"]
        if grace is None:
            grace = pod["spec"].get("terminationGracePeriodSeconds", GRACE)
        self._store.change(
            "pods", name, lambda pod: pod["metadata"].setdefault("deletionTimestamp", now())
        )
        with self._ended:
            if name not in self._running:
                self._store.remove("pods", name)
                return
            _send(self._running[name], signal.SIGTERM)
        thread = threading.Thread(target=self._kill_after, args=(name, grace), name=f"end {name}")
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Kill whatever runs, and wait for the end."""
        with self._ended:
            self._closed = True
            for running in self._running.values():
                _send(running, signal.SIGKILL)
        for thread in list(self._threads):
            thread.join()

    def _run(self, pod: Object, on_end: Callable[[bool], None]) -> None:
        name = pod["metadata"]["name"]
        try:
            container = self._container(pod)
            with self._ended:
                if self._closed or not self._store.list("pods", fields=f"metadata.name={name}"):
                    return
                running = self._running[name] = self._start(container)
        except (ApiError, OSError) as error:
            self._refuse(pod, error)
            return
        started = now()
        self._report(pod, "Running", {"running": {"startedAt": started}})
        code = running.wait()
        code = code if code >= 0 else 128 - code
        end = {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}
        end |= {"startedAt": started, "finishedAt": now()}
        self._report(pod, "Succeeded" if code == 0 else "Failed", {"terminated": end})
        on_end(code == 0)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Clean up after the first process of a pod: the others end with it."""
        with self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pop(name).pid, signal.SIGKILL)
            self._ended.notify_all()
            with contextlib.suppress(ApiError):
                if "deletionTimestamp" in self._store.get("pods", name)["metadata"]:
                    self._store.remove("pods", name)

    def _container(self, pod: Object) -> Container:
        spec = pod["spec"]["containers"][0]
        image = self._images.get(spec["image"])
        if image is None:
            raise ApiError(404, "ErrImagePull", f'image "{spec["image"]}": not found')
        argv = [*(spec.get("command") or ()), *(spec.get("args") or ())]
        env = {**image.env, "HOSTNAME": pod["metadata"]["name"], **self._environment(spec)}
        cwd = Path(spec.get("workingDir") or image.cwd)
        return Container(argv, env, cwd, self._log_of(pod))

    def _environment(self, spec: Object) -> dict[str, str]:
        env: dict[str, str] = {}
        for source in spec.get("envFrom") or ():
            if "configMapRef" in source:
                env |= self._store.get("configmaps", source["configMapRef"]["name"])["data"]
            else:
                secret = self._store.get("secrets", source["secretRef"]["name"])["data"]
                env |= {key: base64.b64decode(value).decode() for key, value in secret.items()}
        return env | {entry["name"]: entry.get("value", "") for entry in spec.get("env") or ()}

    def _refuse(self, pod: Object, error: ApiError | OSError) -> None:
        """Say why a pod does not start, in its status and as an event; it stays as it is."""
        reason = error.reason if isinstance(error, ApiError) else "RunContainerError"
        if reason == "NotFound":  # a Secret or ConfigMap
            reason = "CreateContainerConfigError"
        self._report(pod, "Pending", {"waiting": {"reason": reason, "message": str(error)}})
        about = {"kind": "Pod", **{key: pod["metadata"][key] for key in ("name", "uid")}}
        event = {"metadata": {"name": f"{pod['metadata']['name'][:50]}.0"}, "involvedObject": about}
        self._store.create(
            "events", {**event, "type": "Warning", "reason": reason, "message": str(error)}
        )

    def _report(self, pod: Object, phase: str, state: Object) -> None:
        spec = pod["spec"]["containers"][0]
        status = {"name": spec["name"], "image": spec["image"], "imageID": "", "restartCount": 0}
        status |= {"ready": "running" in state, "state": state}
        with contextlib.suppress(ApiError):  # deleted by force
            self._store.change(
                "pods",
                pod["metadata"]["name"],
                lambda pod: pod.update(status={"phase": phase, "containerStatuses": [status]}),
            )

    def _kill_after(self, name: str, grace: float) -> None:
        with self._ended:
            if not self._ended.wait_for(lambda: name not in self._running, grace):
                _send(self._running[name], signal.SIGKILL)

    def _log_of(self, pod: Object) -> Path:
        return self._logs / f"{pod['metadata']['uid']}.log"


def _send(running: Running, number: signal.Signals) -> None:
    """Send a signal to a container's first process; SIGKILL goes to all of its processes."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, number)
    if number == signal.SIGKILL:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, number)
