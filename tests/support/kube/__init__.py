"""A small Kubernetes cluster for tests: API server, Job controller and one node.

Jobs and pods are real objects behind the real REST API, and their containers really run: as
processes of this machine, or as containers of real images, with the volumes, limits and security
context that the pod says. What Dagster asks a cluster for is there, and nothing else: no discovery,
no watches, no network of its own, one pod per Job and the first container of each pod.
"""

from tests.support.kube.cluster import Cluster
from tests.support.kube.containers import containers
from tests.support.kube.processes import Container, End, LocalProcess, Running, start_process
from tests.support.kube.spec import Image
from tests.support.kube.warm import warm_processes

__all__ = [
    "Cluster",
    "Container",
    "End",
    "Image",
    "LocalProcess",
    "Running",
    "containers",
    "start_process",
    "warm_processes",
]
