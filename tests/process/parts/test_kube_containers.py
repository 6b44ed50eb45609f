"""What becomes of a pod's words when its container is run by podman or docker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.kube import Container
from tests.support.kube.containers import memory_limit, options
from tests.support.kube.processes import Mount

ALWAYS = ["--network=host", "--no-healthcheck"]


def container(**said: Any) -> Container:
    given = {"env": {}, "cwd": None, "log": Path("log"), **said}
    return Container(image="image", argv=["true"], **given)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, []),
        ({"env": {"A": "1 2", "B": ""}}, ["--env=A=1 2", "--env=B="]),
        ({"cwd": Path("/app")}, ["--workdir=/app"]),
        ({"mounts": [Mount("/tmp")]}, ["--tmpfs=/tmp"]),
        ({"mounts": [Mount("/a", Path("/b"))]}, ["--volume=/b:/a"]),
        ({"mounts": [Mount("/a", Path("/b"), read_only=True)]}, ["--volume=/b:/a:ro"]),
        (
            {"spec": {"resources": {"limits": {"memory": "64Mi", "cpu": "1"}}}},
            ["--memory=67108864b", "--memory-swap=67108864b"],
        ),
        ({"spec": {"securityContext": {"runAsUser": 5}}}, ["--user=5:0"]),
        ({"spec": {"securityContext": {"runAsUser": 5, "runAsGroup": 6}}}, ["--user=5:6"]),
        ({"spec": {"securityContext": {"readOnlyRootFilesystem": True}}}, ["--read-only"]),
        (
            {"spec": {"securityContext": {"allowPrivilegeEscalation": False}}},
            ["--security-opt=no-new-privileges"],
        ),
        ({"spec": {"securityContext": {"capabilities": {"drop": ["ALL"]}}}}, ["--cap-drop=all"]),
    ],
)
def test_options(said: dict[str, Any], words: list[str]) -> None:
    assert list(options(container(**said))) == ALWAYS + words


@pytest.mark.parametrize(
    ("memory", "size"),
    [("1000", 1000), (1000, 1000), ("2Ki", 2048), ("1Gi", 1 << 30), ("3M", 3_000_000)],
)
def test_memory(memory: object, size: int) -> None:
    assert memory_limit({"resources": {"limits": {"memory": memory}}}) == size


@pytest.mark.parametrize(
    "spec", [{}, {"resources": None}, {"resources": {"limits": {"cpu": 1}}}, {"resources": {}}]
)
def test_no_limit(spec: dict[str, Any]) -> None:
    assert memory_limit(spec) is None
