"""A client that is not Python: it says the same about a location as Python's stub does."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeserver.api import v1
from tests.api.calling import Api
from tests.api.conftest import Serve

ROOT = Path(__file__).parent.parent.parent
PROGRAM = Path(__file__).parent / "javascript"
INSTALLATION = 300  # seconds
JOB = "deep"

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
)


@pytest.fixture(scope="module")
def packages() -> Path:
    """The `node_modules` of the program, installed once for this list of packages."""
    wanted = (PROGRAM / "package.json").read_bytes()
    folder = ROOT / ".cache" / f"javascript-{hashlib.sha256(wanted).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "installed").exists():
            for name in ("package.json", ".npmrc"):
                shutil.copy(PROGRAM / name, folder / name)
            _run("npm", "install", "--no-audit", "--no-fund", cwd=folder)
            (folder / "installed").touch()
    return folder / "node_modules"


def _run(*command: str, cwd: Path, **environment: str) -> str:
    ended = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALLATION,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize(("file", "job"), [("graphs", "deep"), ("example", "example_job")])
def test_it_says_what_python_says(serve: Serve, packages: Path, file: str, job: str) -> None:
    api = serve(file)

    output = _run(
        *("node", str(PROGRAM / "describe.js")),
        *(f"unix:{api.server.socket}", str(ROOT / "proto"), job),
        cwd=PROGRAM,
        NODE_PATH=str(packages),
    )

    assert output.splitlines() == list(lines_of(api, job))


def lines_of(api: Api, name: str) -> Iterator[str]:
    """The same text, made with Python's stub."""
    for job in api.call("ListJobs").jobs:
        yield f"job {job.name} ({job.executor}): {job.description}"
    yield from graph_lines(api.call("GetJob", name=name).graph)
    plan = api.call("GetExecutionPlan", job=name).plan
    yield f"{len(plan.steps)} steps in {plan.levels} levels"
    for step in plan.steps:
        kind = v1.Step.Kind.Name(step.kind)
        yield f"{step.level} {step.key} [{kind}] after ({', '.join(step.upstream)})"
    for part in api.call("GetAssetGraph"):
        yield from (f"asset {asset.key} in {asset.group}" for asset in part.assets)
        yield from (f"{edge.from_key} => {edge.to_key}" for edge in part.edges)
    failure = api.failure("GetJob", name=f"{name}s")
    assert failure.code.name == "NOT_FOUND"
    yield f"NOT_FOUND: {failure.message}"
    yield f"google.rpc.ResourceInfo: job {name}s"


def graph_lines(graph: v1.Graph, indent: str = "") -> Iterator[str]:
    for node in graph.nodes:
        inputs = ", ".join(f"{each.name}: {each.type}" for each in node.inputs)
        outputs = ", ".join(each.type for each in node.outputs)
        yield f"{indent}{node.name}({inputs}) -> {outputs}"
        if node.HasField("graph"):
            yield from graph_lines(node.graph, f"{indent}  ")
    for edge in graph.edges:
        yield f"{indent}{edge.from_node}.{edge.from_output} => {edge.to_node}.{edge.to_input}"
