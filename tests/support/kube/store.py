"""The objects of a cluster, in memory, and the errors that its API answers with."""

from __future__ import annotations

import copy
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

KINDS = {
    "configmaps": ("v1", "ConfigMap"),
    "events": ("v1", "Event"),
    "jobs": ("batch/v1", "Job"),
    "pods": ("v1", "Pod"),
    "secrets": ("v1", "Secret"),
}
NAMESPACE = "default"  # the only one

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")

Object = dict[str, Any]


class ApiError(Exception):
    """A request that the API refuses: HTTP status, Kubernetes' word for it, and a sentence."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    def status(self) -> Object:
        """The object that is the body of the answer."""
        return {
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": str(self),
        }


class Store:
    """Objects by plural name of the kind, and name. What it returns are copies."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        self._lock = threading.Lock()

    def create(self, plural: str, body: Mapping[str, Any]) -> Object:
        """Add an object; 409 if its name is taken, 400 or 422 if it is not one of this kind."""
        made = copy.deepcopy(dict(body))
        _complete(plural, made)
        key = (plural, made["metadata"]["name"])
        with self._lock:
            if key in self._objects:
                raise ApiError(409, "AlreadyExists", f'{plural} "{key[1]}" already exists')
            self._objects[key] = made
            return copy.deepcopy(made)

    def get(self, plural: str, name: str) -> Object:
        """An object; 404 if there is none of that name."""
        with self._lock:
            return copy.deepcopy(self._existing(plural, name))

    def list(self, plural: str, labels: str = "", fields: str = "") -> list[Object]:
        """All objects of a kind that both selectors select, the oldest first."""
        wanted_labels, wanted_fields = _requirements(labels), _requirements(fields)
        with self._lock:
            found = [copy.deepcopy(o) for (kind, _), o in self._objects.items() if kind == plural]
        return [
            o
            for o in found
            if wanted_labels.items() <= o["metadata"].get("labels", {}).items()
            and all(_field(o, path) == value for path, value in wanted_fields.items())
        ]

    def change(self, plural: str, name: str, change: Callable[[Object], object]) -> Object:
        """Let `change` alter an object in place; 404 if there is none of that name."""
        with self._lock:
            existing = self._existing(plural, name)
            change(existing)
            return copy.deepcopy(existing)

    def remove(self, plural: str, name: str) -> Object:
        """Take an object away and return it; 404 if there is none of that name."""
        with self._lock:
            existing = self._existing(plural, name)
            del self._objects[plural, name]
            return existing

    def _existing(self, plural: str, name: str) -> Object:
        try:
            return self._objects[plural, name]
        except KeyError:
            raise ApiError(404, "NotFound", f'{plural} "{name}" not found') from None


def now() -> str:
    """The time, as Kubernetes writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _complete(plural: str, made: Object) -> None:
    version, kind = KINDS[plural]
    said = made.setdefault("apiVersion", version), made.setdefault("kind", kind)
    if said != (version, kind):
        raise ApiError(400, "BadRequest", f"{said[0]} {said[1]} among the {plural}")
    metadata = made.setdefault("metadata", {})
    name = metadata.get("name") or ""
    if not _NAME.fullmatch(name):
        raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: metadata.name')
    metadata |= {"namespace": NAMESPACE, "uid": str(uuid.uuid4()), "creationTimestamp": now()}


def _requirements(selector: str) -> dict[str, str]:
    """What a selector requires; any other requirement than ``key=value`` is refused."""
    required = {}
    for part in filter(None, selector.split(",")):
        key, equals, value = part.partition("=")
        if not equals or key.endswith("!"):
            raise ApiError(400, "BadRequest", f"only key=value selects here, not {part!r}")
        required[key] = value.removeprefix("=")
    return required


def _field(found: Any, path: str) -> Any:
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
