"""A cluster that is there for the time of a test."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.support.kube.api import Api, Handler
from tests.support.kube.kubelet import Kubelet
from tests.support.kube.processes import Start, start_process
from tests.support.kube.spec import Image
from tests.support.kube.store import NAMESPACE, Object, Store


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the answers under way


class Cluster:
    """An API server on a free port of this machine, and what is behind it; a context manager.

    Args:
        folder: an empty folder, for logs and files of pods and the kubeconfig.
        images: what pods can run, by the name of the image.
        start: how containers are started.

    Attributes:
        kubeconfig: a file that leads clients here.
    """

    def __init__(
        self, folder: Path, images: Mapping[str, Image], start: Start = start_process
    ) -> None:
        self._store = Store()
        self._kubelet = Kubelet(self._store, images, start, folder)
        self._api = Api(self._store, self._kubelet)
        self.kubeconfig = folder / "kubeconfig.json"

    def __enter__(self) -> Cluster:
        handler = type("Handler", (Handler,), {"api": self._api})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.kubeconfig.write_text(json.dumps(_kubeconfig(self.url)))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._kubelet.close()

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def used(self) -> set[tuple[str, str]]:
        """Verb and resource of every request so far, as a Role names them."""
        return set(self._api.used)

    def add_secret(self, name: str, data: Mapping[str, str]) -> None:
        """Add a Secret."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self._store.create("secrets", {"metadata": {"name": name}, "data": encoded})

    def add_config_map(self, name: str, data: Mapping[str, str]) -> None:
        """Add a ConfigMap."""
        self._store.create("configmaps", {"metadata": {"name": name}, "data": dict(data)})

    def kill(self, pod: Object) -> None:
        """Kill what runs in a pod."""
        self._kubelet.kill(pod)

    def jobs(self, labels: str = "") -> list[Object]:
        """The Jobs that a label selector selects, the oldest first."""
        return self._store.list("jobs", labels)

    def pods(self, labels: str = "") -> list[Object]:
        """The pods that a label selector selects, the oldest first."""
        return self._store.list("pods", labels)

    def log(self, pod: Object) -> str:
        """What a pod has written."""
        return self._kubelet.log(pod).decode(errors="replace")

    def logs(self) -> Iterator[tuple[str, str]]:
        """Name and log of every pod that is there."""
        for pod in self.pods():
            yield f"pod {pod['metadata']['name']}", self.log(pod)


def _kubeconfig(url: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [
            {"name": "test", "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE}}
        ],
    }
