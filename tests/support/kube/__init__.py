"""A small Kubernetes cluster for tests: API server, Job controller and one node.

Jobs and pods are real objects behind the real REST API, and their containers really run, as
processes of this machine. What Dagster asks a cluster for is there, and nothing else: no
discovery, no watches, no volumes, one pod per Job and the first container of each pod.
"""

from tests.support.kube.cluster import Cluster
from tests.support.kube.kubelet import Image
from tests.support.kube.processes import Container, LocalProcess, Running, start_process
from tests.support.kube.warm import warm_processes

__all__ = [
    "Cluster",
    "Container",
    "Image",
    "LocalProcess",
    "Running",
    "start_process",
    "warm_processes",
]
