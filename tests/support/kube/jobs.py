"""The Job controller: one pod for each Job, and the Job's status from how that pod ends.

Dagster gives all its Jobs a ``backoffLimit`` of 0, so a pod is never tried again.
"""

from __future__ import annotations

import contextlib
import copy
import secrets

from tests.support.kube.kubelet import Kubelet
from tests.support.kube.store import ApiError, Object, Store, now


class JobController:
    """Makes the pods of Jobs."""

    def __init__(self, store: Store, kubelet: Kubelet) -> None:
        self._store = store
        self._kubelet = kubelet

    def create(self, body: Object) -> Object:
        """Add a Job and run its pod; return the Job."""
        if body.get("spec", {}).get("backoffLimit") != 0:
            raise ApiError(422, "Invalid", "spec.backoffLimit: only 0 is known here")
        job = self._store.create("jobs", {**body, "status": {"active": 1, "startTime": now()}})
        name = job["metadata"]["name"]
        pod = self._store.create("pods", _pod(job))
        self._kubelet.run(pod, lambda succeeded: self._end(name, succeeded))
        return job

    def delete(self, name: str, propagation: str) -> Object:
        """Take a Job away; its pods stay, unless `propagation` says otherwise."""
        job = self._store.remove("jobs", name)
        if propagation != "Orphan":
            for pod in self._store.list("pods", f"job-name={name}"):
                self._kubelet.delete(pod)
        return job

    def _end(self, name: str, succeeded: bool) -> None:
        status: Object = {"succeeded": 1, "completionTime": now()} if succeeded else {"failed": 1}
        status["conditions"] = [{"type": "Complete" if succeeded else "Failed", "status": "True"}]

        def end(job: Object) -> None:
            job["status"] = {"startTime": job["status"]["startTime"], **status}

        with contextlib.suppress(ApiError):  # the Job has been deleted
            self._store.change("jobs", name, end)


def _pod(job: Object) -> Object:
    template = copy.deepcopy(job["spec"]["template"])
    name = job["metadata"]["name"]
    labels = {**template.get("metadata", {}).get("labels", {}), "job-name": name}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
    return {
        "metadata": {
            "name": f"{name[:57]}-{secrets.token_hex(2)}",
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }
