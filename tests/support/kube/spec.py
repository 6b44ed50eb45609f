"""What the spec of a pod says of its first container, with the objects that it names."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.kube.processes import Container, Mount
from tests.support.kube.store import ApiError, Object, Store


@dataclass(frozen=True)
class Image:
    """What a node has to be told of an image, whose programs are this machine's or its own.

    Attributes:
        env: variables of its containers.
        cwd: their working directory, where neither the pod nor the image itself says it.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


class Reader:
    """Reads the specs of pods.

    Args:
        store: where ConfigMaps and Secrets are.
        images: what can be run, by name.
        folder: where the files of volumes are written to.
    """

    def __init__(self, store: Store, images: Mapping[str, Image], folder: Path) -> None:
        self._store = store
        self._images = images
        self._folder = folder

    def container(self, pod: Object, log: Path) -> Container:
        """The first container of a pod; ApiError if it cannot be run as it is said."""
        spec = pod["spec"]["containers"][0]
        image = self._images.get(spec["image"])
        if image is None:
            raise ApiError(404, "ErrImagePull", f'image "{spec["image"]}": not found')
        env = {**image.env, "HOSTNAME": pod["metadata"]["name"], **self._environment(spec)}
        cwd = spec.get("workingDir")
        return Container(
            image=spec["image"],
            argv=[*(spec.get("command") or ()), *(spec.get("args") or ())],
            env=env,
            cwd=Path(cwd) if cwd else image.cwd,
            log=log,
            mounts=list(self._mounts(pod, spec)),
            spec=spec,
        )

    def _environment(self, spec: Object) -> dict[str, str]:
        env: dict[str, str] = {}
        for source in spec.get("envFrom") or ():
            ((kind, reference),) = source.items()
            env |= self._data(kind.removesuffix("Ref"), reference["name"])
        for entry in spec.get("env") or ():
            env[entry["name"]] = self._value(entry)
        return env

    def _value(self, entry: Object) -> str:
        if not entry.get("valueFrom"):
            return str(entry.get("value") or "")
        ((kind, reference),) = entry["valueFrom"].items()
        data = self._data(kind.removesuffix("KeyRef"), reference["name"])
        if reference["key"] not in data:
            message = f"couldn't find key {reference['key']} in {kind} {reference['name']}"
            raise ApiError(404, "CreateContainerConfigError", message)
        return data[reference["key"]]

    def _data(self, kind: str, name: str) -> dict[str, str]:
        """What is in a ConfigMap or Secret, as text."""
        if kind == "configMap":
            return dict(self._store.get("configmaps", name)["data"])
        if kind == "secret":
            data = self._store.get("secrets", name)["data"]
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
        raise ApiError(422, "Invalid", f"{kind} is not known here")

    def _mounts(self, pod: Object, spec: Object) -> Iterator[Mount]:
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        for mount in spec.get("volumeMounts") or ():
            volume = volumes.get(mount["name"])
            if volume is None:
                raise ApiError(422, "Invalid", f'volumeMounts: "{mount["name"]}" not found')
            ((kind, source),) = ((key, each) for key, each in volume.items() if key != "name")
            path = self._path(kind, source, f"{pod['metadata']['uid']}.{mount['name']}")
            if path and mount.get("subPath"):
                path /= mount["subPath"]
            written = kind in ("configMap", "secret")  # which no container can change
            yield Mount(mount["mountPath"], path, written or bool(mount.get("readOnly")))

    def _path(self, kind: str, source: Mapping[str, Any], name: str) -> Path | None:
        """Where a volume is on this machine; None for an empty folder."""
        if kind == "emptyDir":
            return None
        if kind == "hostPath":
            return Path(source["path"])
        data = self._data(kind, source.get("name") or source.get("secretName", ""))
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # for the user of the container, whoever that is
        for key, text in data.items():
            (folder / key).write_text(text)
            (folder / key).chmod(0o644)
        return folder
