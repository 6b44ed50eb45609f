"""The example code location loads, plans, runs and ticks in Dagster itself, no server involved."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan
from dagster._core.workspace.autodiscovery import (
    LoadableTarget,
    loadable_targets_from_python_file,
    loadable_targets_from_python_module,
)
from dagster_k8s import k8s_job_executor

from example_user_code import repo
from tests.support.eventually import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example_user_code"
# The run config of the Kubernetes deployment guide, with a bucket and a server filled in.
GUIDE_OPS: dict[str, Any] = {
    "ops": {"multiply_the_word": {"config": {"factor": 0}, "inputs": {"word": ""}}}
}
GUIDE: dict[str, Any] = {
    **GUIDE_OPS,
    "resources": {
        "io_manager": {"config": {"s3_bucket": "a-bucket"}},
        "s3": {"config": {"endpoint_url": "http://minio:9000", "region_name": "us-east-1"}},
    },
}
DAGSTER_TWICE = {"a": 2, "d": 2, "e": 2, "g": 2, "r": 2, "s": 2, "t": 2}


def run_config_file(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLE / "run_config" / name).read_text())


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dg.Definitions]:
    """Load the example as a code server would, in an environment that has these variables only."""
    for name in os.environ:
        if name.startswith(("AWS_", "EXAMPLE_", "KUBERNETES_", "DAGSTER_")):
            monkeypatch.delenv(name)
    modules = ("repo", "example_user_code.repo")
    for module in modules:
        monkeypatch.setitem(sys.modules, module, repo)  # so that what is there now comes back

    def load(way: str = "file", **env: str) -> dg.Definitions:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        for module in modules:
            sys.modules.pop(module, None)
        cwd = EXAMPLE if "inside" in way else ROOT
        monkeypatch.chdir(cwd)
        targets: dict[str, Callable[[], list[LoadableTarget]]] = {
            "file": lambda: list(
                loadable_targets_from_python_file("example_user_code/repo.py", str(cwd))
            ),
            "file, from inside": lambda: list(
                loadable_targets_from_python_file("repo.py", str(cwd))
            ),
            "module": lambda: list(
                loadable_targets_from_python_module("example_user_code.repo", str(cwd))
            ),
            "module, from inside": lambda: list(
                loadable_targets_from_python_module("repo", str(cwd))
            ),
        }
        (target,) = targets[way]()
        assert isinstance(target.target_definition, dg.Definitions)
        return target.target_definition

    return load


@pytest.mark.parametrize("way", ["file", "file, from inside", "module", "module, from inside"])
def test_loads_without_configuration(load: Callable[..., dg.Definitions], way: str) -> None:
    loaded = load(way).get_repository_def()

    loaded.validate_loadable()
    assert {job.name for job in loaded.get_all_jobs()} >= {
        "example_job",
        "pod_per_op_job",
        "word_of_the_day_job",
        "words_job",
    }
    assert loaded.get_job("example_job").executor_def is dg.in_process_executor
    assert loaded.get_job("pod_per_op_job").executor_def is k8s_job_executor
    assert [check.to_user_string() for check in loaded.asset_graph.asset_check_keys] == [
        "letter_values:every_letter_has_a_value"
    ]
    (schedule,), (sensor,) = loaded.schedule_defs, loaded.sensor_defs
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED


@pytest.mark.parametrize(
    ("job", "run_config", "steps"),
    [
        pytest.param("example_job", {}, 2, id="example_job, nothing"),
        pytest.param("example_job", run_config_file("example_job.yaml"), 2, id="example_job, file"),
        pytest.param("example_job", GUIDE_OPS, 2, id="example_job, guide"),
        pytest.param("pod_per_op_job", {}, 2, id="pod_per_op_job, nothing"),
        pytest.param(
            "pod_per_op_job", run_config_file("pod_per_op_job.yaml"), 2, id="pod_per_op_job, file"
        ),
        pytest.param("pod_per_op_job", GUIDE, 2, id="pod_per_op_job, guide"),
        pytest.param("word_of_the_day_job", {}, 2, id="word_of_the_day_job, nothing"),
        pytest.param("words_job", {}, 4, id="words_job, nothing"),
    ],
)
def test_plans(
    load: Callable[..., dg.Definitions], job: str, run_config: dict[str, Any], steps: int
) -> None:
    resolved = load().resolve_job_def(job)

    assert dg.validate_run_config(resolved, run_config)
    assert len(create_execution_plan(resolved, run_config).step_keys_to_execute) == steps


@pytest.mark.parametrize(
    ("variable", "resource", "option", "unset"),
    [
        ("EXAMPLE_S3_BUCKET", "io_manager", "s3_bucket", "dagster-example"),
        ("EXAMPLE_S3_PREFIX", "io_manager", "s3_prefix", "dagster"),
        ("EXAMPLE_S3_ENDPOINT_URL", "s3", "endpoint_url", None),
        ("EXAMPLE_S3_REGION", "s3", "region_name", None),
    ],
)
def test_environment_gives_defaults_and_run_config_wins(
    load: Callable[..., dg.Definitions],
    variable: str,
    resource: str,
    option: str,
    unset: str | None,
) -> None:
    def value(run_config: dict[str, Any]) -> str | None:
        job = load().resolve_job_def("pod_per_op_job")
        return dg.validate_run_config(job, run_config)["resources"][resource]["config"][option]

    assert value({}) == unset
    load(**{variable: "from-environment"})
    assert value({}) == "from-environment"
    assert value({"resources": {resource: {"config": {option: "given"}}}}) == "given"


def test_s3_client_is_the_configured_one() -> None:
    with dg.build_resources({"s3": repo.s3}, resource_config={"s3": GUIDE["resources"]["s3"]}) as r:
        assert r.s3.meta.endpoint_url == "http://minio:9000"
        assert r.s3.meta.region_name == "us-east-1"
        r.s3.close()


@pytest.mark.parametrize(
    ("run_config", "letters"),
    [
        pytest.param({}, DAGSTER_TWICE, id="nothing"),
        pytest.param(
            run_config_file("example_job.yaml"),
            {"c": 3, "d": 3, "e": 9, "o": 3, "r": 6, "s": 3, "v": 3},
            id="file",
        ),
        pytest.param(GUIDE_OPS, {}, id="guide"),
        pytest.param(
            {"ops": {"multiply_the_word": {"inputs": {"word": "bb"}}}}, {"b": 4}, id="word only"
        ),
        pytest.param(
            {"ops": {"multiply_the_word": {"config": {"factor": 0}}}}, {}, id="factor only"
        ),
    ],
)
def test_example_job_counts(
    instance: dg.DagsterInstance, run_config: dict[str, Any], letters: dict[str, int]
) -> None:
    result = repo.example_job.execute_in_process(run_config=run_config or None, instance=instance)

    assert result.output_for_node("count_letters") == letters


def test_one_op_can_be_selected(instance: dg.DagsterInstance) -> None:
    result = repo.example_job.execute_in_process(
        op_selection=["multiply_the_word"], instance=instance
    )

    assert result.output_for_node("multiply_the_word") == "dagsterdagster"
    assert [event.step_key for event in result.get_step_success_events()] == ["multiply_the_word"]


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real S3 server: its URL, and the folder that is its bucket `a-bucket`."""
    nanio = pytest.importorskip("nanio.app", reason="nanio, a small S3 server, is not installed")
    settings = pytest.importorskip("nanio.config").Settings(
        data_dir=tmp_path, credentials=_Credentials()
    )
    uvicorn = pytest.importorskip("uvicorn")
    (tmp_path / "a-bucket").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(nanio.build_app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), name="s3-server")
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path / "a-bucket"
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


class _Credentials:
    """The one account of the S3 server."""

    def resolve(self, access_key: str) -> str | None:
        return "secret" if access_key == "key" else None

    def access_keys(self) -> list[str]:
        return ["key"]


def test_values_travel_through_s3(
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    s3_server: tuple[str, Path],
) -> None:
    url, bucket = s3_server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    resources = {
        "io_manager": {"config": {"s3_bucket": bucket.name, "s3_prefix": "some/prefix"}},
        "s3": {"config": {"endpoint_url": url, "region_name": "us-east-1"}},
    }

    result = repo.pod_per_op_job.execute_in_process(
        run_config={"resources": resources}, instance=instance
    )

    assert result.output_for_node("count_letters") == DAGSTER_TWICE
    stored = bucket / "some/prefix/storage" / result.run_id / "multiply_the_word/result"
    assert pickle.loads(stored.read_bytes()) == "dagsterdagster"


def test_assets_of_one_partition(instance: dg.DagsterInstance) -> None:
    words_job = repo.defs.resolve_job_def("words_job")
    all_assets = repo.defs.resolve_implicit_global_asset_job_def()

    result = words_job.execute_in_process(partition_key="german", instance=instance)
    best = all_assets.execute_in_process(
        asset_selection=[dg.AssetKey("best_words")], instance=instance
    )

    scores = {"handschuh": 23, "schadenfreude": 29, "zeitgeist": 19}
    assert result.output_for_node("word_scores") == scores
    partitions = {
        (event.asset_key.to_user_string(), event.partition)
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    assert partitions >= {("words", "german"), ("word_scores", "german")}
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("every_letter_has_a_value", True)
    assert best.output_for_node("best_words") == {"german": "schadenfreude"}


def test_word_of_one_day(instance: dg.DagsterInstance) -> None:
    job = repo.word_of_the_day_job
    days = job.partitions_def.get_partition_keys(datetime(2025, 1, 4, tzinfo=timezone.utc))

    assert days == ["2025-01-01", "2025-01-02", "2025-01-03"]
    words = [job.partitioned_config.get_tags_for_partition_key(day)["example/word"] for day in days]
    assert sorted(words) == sorted(repo.WORDS["english"])
    for day, word in zip(days, words, strict=True):
        assert job.get_run_config_for_partition_key(day) == repo.multiply(word)
    result = job.execute_in_process(partition_key=days[0], instance=instance)
    assert result.output_for_node("multiply_the_word") == words[0] * 2


def test_schedule_requests_a_run(instance: dg.DagsterInstance) -> None:
    morning = datetime(2025, 3, 4, 6, tzinfo=timezone.utc)

    with dg.build_schedule_context(instance, scheduled_execution_time=morning) as context:
        (request,) = repo.every_morning.evaluate_tick(context).run_requests

    assert request.run_key == "2025-03-04"
    assert request.tags["example/word"] == repo.word_of(morning)
    assert dg.validate_run_config(repo.example_job, request.run_config)


def test_sensor_requests_a_run_when_the_file_changes(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = tmp_path / "words.txt"
    cursor: str | None = None

    def tick() -> tuple[list[tuple[str | None, str]], str | None]:
        """Evaluate once; return what runs were requested, and why none was."""
        nonlocal cursor
        with dg.build_sensor_context(instance, cursor=cursor) as context:
            data = repo.watched_file_sensor.evaluate_tick(context)
        cursor = data.cursor
        requests = data.run_requests or []
        for request in requests:
            assert dg.validate_run_config(repo.example_job, request.run_config)
        words = [r.run_config["ops"]["multiply_the_word"]["inputs"]["word"] for r in requests]
        return list(zip([r.run_key for r in requests], words, strict=True)), data.skip_message

    def write(text: str, mtime_ns: int) -> None:
        watched.write_text(text)
        os.utime(watched, ns=(mtime_ns, mtime_ns))

    monkeypatch.delenv("EXAMPLE_WATCHED_FILE", raising=False)
    assert tick() == ([], "EXAMPLE_WATCHED_FILE names no file.")

    monkeypatch.setenv("EXAMPLE_WATCHED_FILE", str(watched))
    assert tick() == ([], f"{watched}: No such file or directory.")

    write("hello\nworld\n", 1)
    assert tick() == ([(f"{watched}@1", "hello")], None)
    assert tick() == ([], f"{watched} has not changed.")

    write("", 2)
    assert tick() == ([(f"{watched}@2", "")], None)

    watched.unlink()
    assert tick() == ([], f"{watched}: No such file or directory.")
