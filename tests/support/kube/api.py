"""The REST API: the part of Kubernetes' that Dagster uses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.kube.jobs import JobController
from tests.support.kube.kubelet import Kubelet
from tests.support.kube.store import KINDS, NAMESPACE, ApiError, Object, Store, now

_PATH = re.compile(
    r"/(?:api|apis)/(?P<version>v1|batch/v1)/namespaces/(?P<namespace>[^/]+)"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<part>log|status))?)?"
)
_VERBS = {"POST": "create", "DELETE": "delete"}

Query = Mapping[str, str]


class Api:
    """Answers requests.

    Attributes:
        used: verb and resource of every request, as a Role names them.
    """

    def __init__(self, store: Store, kubelet: Kubelet) -> None:
        self.used: set[tuple[str, str]] = set()
        self._store = store
        self._kubelet = kubelet
        self._jobs = JobController(store, kubelet)

    def answer(self, method: str, url: str, body: Object) -> Object | bytes:
        """The object or text that a request is answered with; ApiError if it is refused."""
        address = urlsplit(url)
        path = _PATH.fullmatch(address.path)
        if path is None or KINDS.get(path["plural"], ("",))[0] != path["version"]:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        if path["namespace"] != NAMESPACE:
            raise ApiError(404, "NotFound", f'namespaces "{path["namespace"]}" not found')
        plural, name, part = path["plural"], path["name"], path["part"]
        verb = _VERBS.get(method, "get" if name else "list")
        self.used.add((verb, f"{plural}/{part}" if part else plural))
        query = dict(parse_qsl(address.query))
        if verb == "create":
            return self._jobs.create(body) if plural == "jobs" else self._store.create(plural, body)
        if verb == "list":
            return self._list(plural, query)
        if verb == "delete":
            return self._delete(plural, name, {**query, **body})
        found = self._store.get(plural, name)
        return self._log(found, query) if part == "log" else found

    def _list(self, plural: str, query: Query) -> Object:
        version, kind = KINDS[plural]
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        items = self._store.list(plural, labels, fields)
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items}

    def _delete(self, plural: str, name: str, options: Mapping[str, Any]) -> Object:
        if plural == "jobs":
            return self._jobs.delete(name, options.get("propagationPolicy", "Orphan"))
        found = self._store.get(plural, name)
        if plural == "pods":
            grace = options.get("gracePeriodSeconds")
            self._kubelet.delete(found, None if grace is None else float(grace))
        else:
            self._store.remove(plural, name)
        return found

    def _log(self, pod: Object, query: Query) -> bytes:
        state = pod["status"].get("containerStatuses", [{"state": {"waiting": {}}}])[0]["state"]
        if "waiting" in state:
            raise ApiError(400, "BadRequest", f'pod "{pod["metadata"]["name"]}" waits to start')
        lines = self._kubelet.log(pod).splitlines(keepends=True)
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :]
        if query.get("timestamps", "").lower() == "true":
            lines = [now().encode() + b" " + line for line in lines]
        return b"".join(lines)


class Handler(BaseHTTPRequestHandler):
    """One connection, which is closed after the answer (HTTP 1.0), so that none outlives a test."""

    api: Api
    timeout = 30

    def do_GET(self) -> None:
        """Read something."""
        self._answer()

    def do_POST(self) -> None:
        """Add something."""
        self._answer()

    def do_DELETE(self) -> None:
        """Take something away."""
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.api.answer(self.command, self.path, json.loads(body or b"{}"))
            self._send(201 if self.command == "POST" else 200, answer)
        except ApiError as error:
            self._send(error.code, error.status())

    def _send(self, code: int, answer: Object | bytes) -> None:
        text = isinstance(answer, bytes)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked is in `Api.used`."""
