"""The example's jobs in a cluster in which everything of codeserver is a container of the image.

Code server, runs and steps are confined containers, each with what its pod says; the webserver, the
daemon, PostgreSQL and the S3 server are processes of this machine. All runs are launched at once:
they wait more than they work, above all for the executor to notice a dead pod (every 20 seconds).
"""

from __future__ import annotations

import pickle
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.engine import Engine
from tests.acceptance.pods import BUCKET, OPS, ROLE, ended, last_words, pod_per_op, pods_of
from tests.image.container import has_memory_limits
from tests.image.deployed import CONFINED, CREDENTIALS, SETTINGS, code_server_of, run_launcher
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.kube import Cluster, Image, containers
from tests.support.postgres import Postgres, postgres
from tests.support.s3 import S3, s3_server
from tests.support.servers import ServerProcess

# Shells in the place of `dagster`, which becomes their arguments.
DIES = "id -u; touch /app/file; echo out of luck >&2; "
WAITS = ["sh", "-c", "trap 'exit 143' TERM; echo waiting; sleep 600 & wait"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="dagster-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server(BUCKET) as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres(for_everyone=True) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(home: Path, engine: Engine, image: str, s3: S3) -> Iterator[Cluster]:
    (home / "cluster").mkdir()
    with Cluster(home / "cluster", {image: Image()}, containers(engine)) as cluster:
        cluster.add_secret(CREDENTIALS, s3.credentials)
        cluster.add_config_map(SETTINGS, {"DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS": "0.2"})
        config = {cluster.kubeconfig.name: cluster.kubeconfig.read_text()}
        cluster.add_config_map("kubeconfig", config)
        yield cluster


@pytest.fixture(scope="module")
def code_server(home: Path, engine: Engine, image: str) -> Iterator[ServerProcess]:
    (home / "sockets").mkdir()
    with code_server_of(engine, image, home / "sockets") as server:
        yield server


@pytest.fixture(scope="module")
def dagster(
    home: Path, cluster: Cluster, database: Postgres, code_server: ServerProcess
) -> Iterator[Deployment]:
    deployment = Deployment(
        home,
        {"main": code_server},
        storage=database.dagster_storage,
        run_launcher=run_launcher(home, cluster, database),
        instance={"run_monitoring": {"enabled": True, "poll_interval_seconds": 1}},
    )
    cluster.add_config_map("dagster-instance", {"dagster.yaml": deployment.instance_yaml})
    with deployment:
        yield deployment


@pytest.fixture(scope="module")
def limited(engine: Engine, image: str) -> bool:
    """Whether the memory of containers can be limited here."""
    return has_memory_limits(engine, image)


@pytest.fixture(scope="module")
def runs(dagster: Deployment, s3: S3, limited: bool) -> dict[str, str]:
    """The id of each run, by what it shows."""
    dies = DIES + ("exec tail /dev/zero" if limited else "exit 137")  # which takes all memory
    limits = {"resources": {"limits": {"memory": "32Mi"}}} if limited else {}
    configs = {
        "a step dies": pod_per_op(s3, command=["sh", "-c", dies], **limits),
        "terminated": pod_per_op(s3, command=WAITS),
        "killed": pod_per_op(s3, command=WAITS),
        "success": pod_per_op(s3),
    }
    runs = {
        what: dagster.launch("pod_per_op_job", run_config=config)
        for what, config in configs.items()
    }
    runs["one pod"] = dagster.launch("example_job", run_config=OPS)
    dagster.start_daemon()
    return runs


def test_every_op_has_its_container(
    dagster: Deployment, cluster: Cluster, s3: S3, image: str, runs: Mapping[str, str]
) -> None:
    run_id = runs["success"]

    dagster.wait_for_run(run_id, "SUCCESS")

    assert not (dagster.home / "history").exists(), "state is in SQLite"
    eventually(lambda: all(map(ended, pods_of(cluster, run_id).values())))
    made = pods_of(cluster, run_id)
    assert made.keys() == {"run", "multiply_the_word", "count_letters"}
    assert {(ended(pod) or {})["exitCode"] for pod in made.values()} == {0}
    assert {pod["metadata"]["labels"]["team"] for pod in made.values()} == {"language"}
    specs = [pod["spec"]["containers"][0] for pod in made.values()]
    assert [spec["image"] for spec in specs] == [image] * 3
    assert [spec["securityContext"] for spec in specs] == [CONFINED] * 3
    folder = f"dagster/storage/{run_id}"
    stored = {"multiply_the_word": "", "count_letters": {}}
    assert s3.keys(BUCKET, folder) == {f"{folder}/{op}/result" for op in stored}
    for op, value in stored.items():
        assert pickle.loads(s3.read(BUCKET, f"{folder}/{op}/result")) == value


def test_example_job_has_one_container(
    dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]
) -> None:
    dagster.wait_for_run(runs["one pod"], "SUCCESS")

    assert pods_of(cluster, runs["one pod"]).keys() == {"run"}


def wait_for_step(cluster: Cluster, run_id: str) -> None:
    """Wait until the first step of a run that waits has begun to."""

    def begun() -> bool:
        pod = pods_of(cluster, run_id).get("multiply_the_word")
        return bool(pod and cluster.log(pod))

    eventually(begun)


def test_a_terminated_run_takes_its_containers_along(
    dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]
) -> None:
    run_id = runs["terminated"]
    wait_for_step(cluster, run_id)

    dagster.terminate(run_id)

    dagster.wait_for_run(run_id, "CANCELED")
    eventually(lambda: not cluster.pods(f"dagster/run-id={run_id}"))
    assert not cluster.jobs(f"dagster/run-id={run_id}")


def test_a_run_whose_container_is_killed_fails(
    dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]
) -> None:
    run_id = runs["killed"]
    wait_for_step(cluster, run_id)

    cluster.kill(pods_of(cluster, run_id)["run"])

    dagster.wait_for_run(run_id, "FAILURE")
    assert "Terminated with exit code 137: Error" in dagster.log(run_id)
    said = last_words(cluster, pods_of(cluster, run_id)["run"])
    assert re.search(r'STEP_WORKER_STARTING - Executing step "multiply_the_word".*\n\n', said)


def test_a_step_that_dies_fails_the_run(
    dagster: Deployment, cluster: Cluster, runs: Mapping[str, str], limited: bool
) -> None:
    run_id = runs["a step dies"]

    dagster.wait_for_run(run_id, "FAILURE")

    assert "Discovered failed Kubernetes job" in dagster.log(run_id)
    said = last_words(cluster, pods_of(cluster, run_id)["multiply_the_word"])
    reason = "OOMKilled" if limited else "Error"
    assert f"Terminated with exit code 137: {reason}" in said
    # With the user and the read-only file system that the pod asked for.
    assert re.search(r" 12345\n.* '/app/file': Read-only file system\n.* out of luck\n", said)


def test_nothing_beyond_the_role_was_asked_for(cluster: Cluster, runs: Mapping[str, str]) -> None:
    assert cluster.used <= ROLE
