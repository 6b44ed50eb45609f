"""The example's jobs in Kubernetes: K8sRunLauncher, one pod per op, and values in S3.

The cluster is `tests.support.kube`, whose pods are processes of this machine; they reach the
instance (SQLite) because they share its disk. All runs are launched at once: they wait more than
they work, above all for the executor to notice a dead pod, which it looks for every 20 seconds.
"""

from __future__ import annotations

import pickle
import re
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.pods import BUCKET, OPS, ROLE, ended, last_words, pod_per_op, pods_of
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.kube import Cluster, Image, warm_processes
from tests.support.s3 import S3, s3_server

REPO = Path(__file__).resolve().parents[2] / "example_user_code" / "repo.py"
IMAGE = "example/code:1"
CREDENTIALS = "s3-credentials"
# A shell in the place of `dagster`, which becomes its arguments.
DIES = ["sh", "-c", "echo all is well; echo out of luck >&2; kill -KILL $$"]
WAITS = ["sh", "-c", "echo waiting; exec sleep 600"]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server(BUCKET) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(home: Path, s3: S3) -> Iterator[Cluster]:
    (home / "cluster").mkdir()
    env = {
        "PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin",
        "HOME": str(home),
        "DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS": "0.2",
    }
    with ExitStack() as stack:
        start = stack.enter_context(warm_processes(env))
        images = {IMAGE: Image(env, home)}
        cluster = stack.enter_context(Cluster(home / "cluster", images, start))
        cluster.add_secret(CREDENTIALS, s3.credentials)
        yield cluster


@pytest.fixture(scope="module")
def dagster(home: Path, cluster: Cluster, code_server: StartServer) -> Iterator[Deployment]:
    launcher = {
        "module": "dagster_k8s",
        "class": "K8sRunLauncher",
        "config": {
            "load_incluster_config": False,
            "kubeconfig_file": str(cluster.kubeconfig),
            "service_account_name": "dagster",
            "instance_config_map": "dagster-instance",
            "dagster_home": str(home),
            "env_secrets": [CREDENTIALS],
        },
    }
    main = code_server(REPO, "--container-image", IMAGE)
    deployment = Deployment(home, {"main": main}, run_launcher=launcher)
    cluster.add_config_map("dagster-instance", {"dagster.yaml": deployment.instance_yaml})
    with deployment:
        yield deployment


@pytest.fixture(scope="module")
def runs(dagster: Deployment, s3: S3) -> dict[str, str]:
    """The id of each run, by what it shows."""
    configs = {
        "a step dies": pod_per_op(s3, command=DIES),
        "terminated": pod_per_op(s3, command=WAITS),
        "success": pod_per_op(s3),
        "missing bucket": pod_per_op(s3, s3_bucket="no-such-bucket"),
        "wrong credentials": pod_per_op(
            s3, env=[{"name": "AWS_SECRET_ACCESS_KEY", "value": "wrong"}]
        ),
        "unreachable endpoint": pod_per_op(s3, endpoint_url="http://127.0.0.1:1", max_attempts=1),
    }
    runs = {
        what: dagster.launch("pod_per_op_job", run_config=config)
        for what, config in configs.items()
    }
    runs["one pod"] = dagster.launch("example_job", run_config=OPS)
    return runs


def test_every_op_has_its_pod(
    dagster: Deployment, cluster: Cluster, s3: S3, runs: Mapping[str, str]
):
    run_id = runs["success"]

    dagster.wait_for_run(run_id, "SUCCESS")

    eventually(lambda: all(map(ended, pods_of(cluster, run_id).values())))
    made = pods_of(cluster, run_id)
    assert made.keys() == {"run", "multiply_the_word", "count_letters"}
    assert {pod["spec"]["containers"][0]["image"] for pod in made.values()} == {IMAGE}
    assert {(ended(pod) or {})["exitCode"] for pod in made.values()} == {0}
    folder = f"dagster/storage/{run_id}"
    stored = {"multiply_the_word": "", "count_letters": {}}
    assert s3.keys(BUCKET, folder) == {f"{folder}/{op}/result" for op in stored}
    for op, value in stored.items():
        assert pickle.loads(s3.read(BUCKET, f"{folder}/{op}/result")) == value


def test_example_job_has_one_pod(dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]):
    dagster.wait_for_run(runs["one pod"], "SUCCESS")

    assert pods_of(cluster, runs["one pod"]).keys() == {"run"}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("missing bucket", r"S3 bucket no-such-bucket on {url}: .*\bNoSuchBucket\b"),
        ("wrong credentials", r"S3 bucket a-bucket on {url}: .*\bSignatureDoesNotMatch\b"),
        ("unreachable endpoint", r"S3 bucket a-bucket on http://127.0.0.1:1: Could not connect"),
    ],
)
def test_a_step_says_what_is_wrong_with_s3(
    dagster: Deployment, s3: S3, runs: Mapping[str, str], case: str, reason: str
):
    dagster.wait_for_run(runs[case], "FAILURE")

    assert ("STEP_FAILURE", "multiply_the_word") in dagster.events(runs[case])
    assert ("STEP_START", "count_letters") not in dagster.events(runs[case])
    assert re.search(reason.format(url=re.escape(s3.url)), dagster.log(runs[case]))


def test_termination_ends_all_pods(dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]):
    run_id = runs["terminated"]

    def waiting() -> bool:
        pod = pods_of(cluster, run_id).get("multiply_the_word")
        return bool(pod and cluster.log(pod))

    eventually(waiting)
    dagster.terminate(run_id)

    dagster.wait_for_run(run_id, "CANCELED")
    assert "received termination signal, forwarding to steps" in dagster.log(run_id)
    eventually(lambda: not cluster.pods(f"dagster/run-id={run_id}"))
    assert not cluster.jobs(f"dagster/run-id={run_id}")


def test_a_step_that_dies_fails_the_run(
    dagster: Deployment, cluster: Cluster, runs: Mapping[str, str]
):
    run_id = runs["a step dies"]

    dagster.wait_for_run(run_id, "FAILURE")

    pod = pods_of(cluster, run_id)["multiply_the_word"]
    found = re.search(r"Discovered failed Kubernetes job (\S+) for step", dagster.log(run_id))
    assert found
    assert found[1] == pod["metadata"]["labels"]["job-name"]
    said = last_words(cluster, pod)
    assert "Terminated with exit code 137: Error" in said
    assert re.search(r"all is well\n.* out of luck\n", said)


def test_nothing_beyond_the_role_was_asked_for(cluster: Cluster, runs: Mapping[str, str]):
    assert cluster.used <= ROLE
