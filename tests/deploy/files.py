"""The files of deploy/, read, and the validators that judge them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"

OLDEST = "1.30"
"""The oldest Kubernetes that the manifests are checked for; the other one is the newest."""

Manifest = dict[str, Any]


def load(name: str) -> Any:
    """The one document in a file."""
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def manifests(*folders: str) -> dict[str, Manifest]:
    """Everything that can be applied to a cluster, by kind and name.

    Args:
        folders: in `deploy`; those of the example by default.
    """
    return {
        f"{document['kind']}/{document['metadata']['name']}": document
        for folder in folders or ("kubernetes", "s3")
        for path in sorted((DEPLOY / folder).glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    }


def validate(manifest: Manifest) -> None:
    """Have Kubernetes's own schemas judge a manifest; what they do not know is wrong, too."""
    judge = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not there")
    for version in (OLDEST, judge.latest_version()):
        judge.validate(manifest, version, strict=True)


def containers(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Every container of the deployments among them, with the specification of its pod."""
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            pod = manifest["spec"]["template"]["spec"]
            yield from ((pod, container) for container in pod["containers"])
