"""The node: runs the first container of each pod, keeps its log, and ends what is deleted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.kube.processes import End, Running, Start
from tests.support.kube.spec import Image, Reader
from tests.support.kube.store import ApiError, Object, Store, now

GRACE = 30  # seconds from SIGTERM to SIGKILL, where the pod does not say


class Kubelet:
    """Runs pods.

    Args:
        store: where pods are, and where their status is written.
        images: what can be run, by name.
        start: starts a container.
        folder: for what containers write, and for the files of their volumes.
    """

    def __init__(
        self, store: Store, images: Mapping[str, Image], start: Start, folder: Path
    ) -> None:
        self._store = store
        self._specs = Reader(store, images, folder)
        self._start = start
        self._folder = folder
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
            self._running[name].terminate()
        thread = threading.Thread(target=self._kill_after, args=(name, grace), name=f"end {name}")
        self._threads.append(thread)
        thread.start()

    def kill(self, pod: Object) -> None:
        """Kill what runs in a pod, as the kernel may; the object stays."""
        with self._ended:
            self._running[pod["metadata"]["name"]].kill()

    def close(self) -> None:
        """Kill whatever runs, and wait for the end."""
        with self._ended:
            self._closed = True
            for running in self._running.values():
                running.kill()
        for thread in list(self._threads):
            thread.join()

    def _run(self, pod: Object, on_end: Callable[[bool], None]) -> None:
        name = pod["metadata"]["name"]
        try:
            container = self._specs.container(pod, self._log_of(pod))
            with self._ended:
                if self._closed or not self._store.list("pods", fields=f"metadata.name={name}"):
                    return
                running = self._running[name] = self._start(container)
        except (ApiError, OSError) as error:
            self._refuse(pod, error)
            return
        started = now()
        self._report(pod, "Running", {"running": {"startedAt": started}})
        end = running.wait()
        terminated = {**_terminated(end), "startedAt": started, "finishedAt": now()}
        self._report(pod, "Failed" if end.code else "Succeeded", {"terminated": terminated})
        on_end(end.code == 0)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Clean up after the first process of a pod."""
        with self._ended:
            self._running.pop(name).remove()
            self._ended.notify_all()
            with contextlib.suppress(ApiError):
                if "deletionTimestamp" in self._store.get("pods", name)["metadata"]:
                    self._store.remove("pods", name)

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
                self._running[name].kill()

    def _log_of(self, pod: Object) -> Path:
        return self._folder / f"{pod['metadata']['uid']}.log"


def _terminated(end: End) -> Object:
    """An end in the words of a container's status."""
    if end.code == 0:
        return {"exitCode": 0, "reason": "Completed"}
    code = end.code if end.code > 0 else 128 - end.code
    return {"exitCode": code, "reason": "OOMKilled" if end.out_of_memory else "Error"}
