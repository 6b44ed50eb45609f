"""What the image does as a container, also where it may do next to nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from scripts.build_image import ROOT
from scripts.engine import Engine
from tests.image.container import CONFINED, Container, zombies
from tests.support.eventually import eventually

SLOW = ROOT / "tests" / "user_code" / "slow_repo.py"
INSTANCE = """\
telemetry: {enabled: false}
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
"""

UNCOMPILED = """\
import os, sys
import {modules}
specs = [each.__spec__ for each in list(sys.modules.values()) if getattr(each, "__spec__", None)]
print([each.name for each in specs if each.cached and not os.path.exists(each.cached)])
"""


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    """A container with the command of the image, which serves, where it may do next to nothing."""
    with Container(engine, image, CONFINED) as container:
        container.wait_until_serving()
        yield container


def test_the_default_command_serves(container: Container) -> None:
    jobs = container.says("codeserver", "list", "jobs", "--json")
    assert "example_job" in jobs
    assert "pod_per_op_job" in jobs
    assert "2 steps" in container.says("codeserver", "plan", "example_job")


def test_the_first_process_is_the_server(container: Container) -> None:
    first = container.says("cat", "/proc/1/cmdline").split("\0")
    assert "grpc" in first
    assert not first[0].endswith("sh")


def test_it_serves_other_machines(container: Container) -> None:
    sockets = container.says("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
    # An address of zeros is every one. 0FA0 is port 4000, and 0A a socket that listens.
    assert [each for each in sockets if re.match(r" *\d+: 0+:0FA0 0+:0000 0A ", each)], sockets


def test_the_health_check_of_the_image(container: Container, engine: Engine, image: str) -> None:
    template = "{{json .Config.Healthcheck}}"
    check = json.loads(engine.run("image", "inspect", "--format", template, image).stdout)
    assert check["Test"] == ["CMD", "codeserver", "health"]
    assert container.says(*check["Test"][1:]) == "SERVING\n"


def test_it_is_not_root(container: Container) -> None:
    assert container.says("id", "-u").strip() in ("10001", "12345")
    assert container.says("id", "-g").strip() == "0"
    writable = container.says(
        *("find", "/app", "/opt/venv", "/opt/codeserver", "-writable", "-not", "-type", "l")
    )
    assert writable == ""


def test_a_run_of_a_job(container: Container) -> None:
    container.says(
        *("env", "DAGSTER_HOME=/tmp", "dagster", "job", "execute"),
        *("-f", "repo.py", "-j", "example_job"),
    )


def test_everything_is_compiled(container: Container) -> None:
    first_line = container.says("sh", "-c", "head -n 1 $(command -v codeserver)").strip()
    server = first_line.removeprefix("#!")
    for python, modules in ((server, "codeserver.cli.commands.grpc"), ("python", "dagster, repo")):
        program = UNCOMPILED.replace("{modules}", modules)
        assert container.says(python, "-c", program).strip() == "[]"


def test_orphans_are_reaped(container: Container) -> None:
    container.says("sh", "-c", "i=0; while [ $i -lt 1000 ]; do (true &); i=$((i + 1)); done")
    eventually(lambda: zombies(container.engine, container.name) == 0, what="no zombie is left")


def test_sigterm_with_a_run_in_flight(engine: Engine, image: str) -> None:
    options = (*CONFINED, f"--volume={SLOW}:/app/repo.py:ro", "--env=DAGSTER_HOME=/tmp")
    with Container(engine, image, options) as container:
        container.wait_until_serving()
        container.says("sh", "-c", f"printf '%s' '{INSTANCE}' > /tmp/dagster.yaml")
        address = ("--grpc-host", "localhost", "--grpc-port", "4000")
        container.says("dagster", "job", "launch", *address, "-j", "slow_job")
        eventually(lambda: "the op has begun" in container.log, what="the op has begun")
        assert container.stop(grace=120) == 0
        assert "the op has ended" in container.log
