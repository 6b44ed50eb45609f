"""The pytest plugin, in the tests of a small project: real pytest, real server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.process.serving import LIMIT

# Where the package is installed with its entry point, pytest finds the plugin by itself.
_IS_REGISTERED = any(each.name == "codeserver" for each in entry_points(group="pytest11"))
_PLUGIN = () if _IS_REGISTERED else ("-p", "codeserver.testing")

DEFINITIONS = """
import dagster as dg

days = dg.StaticPartitionsDefinition(["monday", "tuesday"])

@dg.op
def load() -> int: return 1

@dg.op(ins={"rows": dg.In()}, out={"clean": dg.Out(), "rest": dg.Out()})
def split(rows): yield from ()

@dg.op
def scale(context, rows: int, factor: int = 2) -> int: return rows

@dg.op
def report(rows: list): ...

@dg.graph(out={"low": dg.GraphOut(), "high": dg.GraphOut()})
def transform(rows):
    clean, rest = split(rows)
    return {"low": scale.alias("scale_low")(clean), "high": scale.alias("scale_high")(rest)}

@dg.job(tags={"team": "data"})
def etl():
    low, high = transform(load())
    report([low, high])

@dg.op(config_schema={"factor": int})
def needs_config(context): ...

@dg.job
def configured(): needs_config()

@dg.asset(group_name="raw", key_prefix="raw", kinds={"python"}, partitions_def=days)
def orders(): ...

@dg.asset(deps=[orders], group_name="mart", tags={"size": "small"})
def revenue(): ...

@dg.asset_check(asset=revenue)
def is_positive(): return dg.AssetCheckResult(passed=True)

@dg.schedule(job=etl, cron_schedule="0 6 * * *")
def every_morning(): return {}

@dg.sensor(job=etl)
def on_file(): ...

defs = dg.Definitions(
    jobs=[etl, configured], assets=[orders, revenue], asset_checks=[is_positive],
    schedules=[every_morning], sensors=[on_file], resources={"path": "/data"},
)
"""

TESTS = """
import pytest
from codeserver import InvalidArgumentError, NotFoundError
from codeserver.api import v1
from codeserver.testing import UnknownNameError

def test_jobs(code_location):
    assert list(code_location.jobs) == ["configured", "etl"]
    assert repr(code_location.jobs) == "<jobs: configured, etl>"
    job = code_location.jobs["etl"]
    assert job.name == "etl"
    assert job.tags == {"team": "data"}
    assert job.schedules == ["every_morning"]
    assert job.sensors == ["on_file"]
    assert job.message.graph == "etl"

def test_structure(code_location):
    job = code_location.jobs["etl"]
    assert job.ops[:2] == ["load", "transform.split"]
    assert sorted(job.ops[2:4]) == ["transform.scale_high", "transform.scale_low"]
    assert job.ops[4:] == ["report"]
    assert sorted(job.edges) == [
        ("load.result", "transform.split.rows"),
        ("transform.scale_high.result", "report.rows"),
        ("transform.scale_low.result", "report.rows"),
        ("transform.split.clean", "transform.scale_low.rows"),
        ("transform.split.rest", "transform.scale_high.rows"),
    ]
    assert job.upstream("transform.split") == ["load"]
    assert sorted(job.upstream("report")) == ["transform.scale_high", "transform.scale_low"]

def test_assets(code_location):
    assert list(code_location.assets) == ["raw/orders", "revenue"]
    orders, revenue = code_location.assets["raw/orders"], code_location.assets["revenue"]
    assert (orders.group, orders.kinds, orders.upstream) == ("raw", ["python"], [])
    assert orders.downstream == ["revenue"]
    assert orders.partition_keys == ["monday", "tuesday"]
    assert (revenue.upstream, revenue.downstream) == (["raw/orders"], [])
    assert (revenue.checks, revenue.tags) == (["is_positive"], {"size": "small"})

def test_the_rest(code_location):
    assert code_location.schedules["every_morning"].cron_schedules == ["0 6 * * *"]
    assert code_location.sensors["on_file"].type == v1.SENSOR_TYPE_STANDARD
    assert "path" in code_location.resources
    assert code_location.message.state == v1.Location.STATE_READY
    assert code_location.client.location().counts.jobs == 2

def test_plan(code_location):
    plan = code_location.plan("etl")
    assert plan.steps[0] == "load"
    assert [sorted(level) for level in plan.levels] == [
        ["load"], ["transform.split"], ["transform.scale_high", "transform.scale_low"], ["report"],
    ]
    assert plan.upstream("transform.split") == ["load"]
    assert plan["report"].kind == v1.Step.KIND_COMPUTE
    assert code_location.jobs["etl"].plan(op_selection="load").steps == ["load"]

def test_config(code_location):
    config = {"ops": {"needs_config": {"config": {"factor": "two"}}}}
    with pytest.raises(InvalidArgumentError) as caught:
        code_location.plan("configured", run_config=config)
    (mistake,) = caught.value.run_config_errors
    assert list(mistake.path) == ["ops", "needs_config", "config", "factor"]
    config["ops"]["needs_config"]["config"]["factor"] = 2
    assert code_location.plan("configured", run_config=config).steps == ["needs_config"]

def test_names_that_there_are_not(code_location):
    with pytest.raises(UnknownNameError, match='no job "elt"; did you mean "etl"'):
        code_location.jobs["elt"]
    with pytest.raises(KeyError, match='no schedule "zzz"; there is every_morning'):
        code_location.schedules["zzz"]
    with pytest.raises(UnknownNameError, match='no op in job etl "lod"; did you mean "load"'):
        code_location.jobs["etl"].upstream("lod")
    with pytest.raises(UnknownNameError, match='no step in the plan of etl "lod"'):
        code_location.plan("etl").upstream("lod")
    with pytest.raises(NotFoundError):
        code_location.plan("elt")
    assert "elt" not in code_location.jobs
"""


@pytest.fixture
def project(work: Path) -> Path:
    (work / "repo.py").write_text(DEFINITIONS)
    (work / "test_repo.py").write_text("def test(code_location): assert code_location.jobs['etl']")
    return work


def run_pytest(project: Path, home: Path, ini: str, *options: str) -> tuple[int, str]:
    """The exit code and output of pytest in the project, with these lines of configuration."""
    (project / "pytest.ini").write_text(f"[pytest]\n{textwrap.dedent(ini)}\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *_PLUGIN, "-q", "-p", "no:cacheprovider", *options],
        capture_output=True,
        text=True,
        cwd=project,
        timeout=LIMIT,
        env={**os.environ, "DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_what_tests_see(project: Path, home: Path) -> None:
    (project / "test_repo.py").write_text(TESTS)

    code, output = run_pytest(project, home, "code_location_file = repo.py", "-W", "error")

    assert code == 0, output
    assert "7 passed" in output


MODULE = "code_location_module = repo"


@pytest.mark.parametrize(
    ("ini", "files"),
    [
        (f"{MODULE}\ncode_location_working_directory = src", {"src/repo.py": DEFINITIONS}),
        ("", {"pyproject.toml": '[tool.dagster]\nmodule_name = "repo"'}),
        (
            "code_location_file = nowhere.py",
            {
                "conftest.py": "import pytest\n"
                "@pytest.fixture(scope='session')\n"
                "def code_location_target(pytestconfig):\n"
                "    return {'python_file': pytestconfig.rootpath / 'repo.py'}\n"
            },
        ),
    ],
    ids=["working directory", "pyproject.toml", "overridden"],
)
def test_targets(project: Path, home: Path, ini: str, files: dict[str, str]) -> None:
    for name, content in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(content)
    if "src/repo.py" in files:
        (project / "repo.py").unlink()
    tests = project / "tests"
    tests.mkdir()
    (project / "test_repo.py").rename(tests / "test_repo.py")

    code, output = run_pytest(project, home, ini, "tests")

    assert code == 0, output
    assert "1 passed" in output


@pytest.mark.parametrize(
    ("ini", "definitions", "says"),
    [
        ("", DEFINITIONS, "Set code_location_file, code_location_module or code_location_package"),
        (f"{MODULE}\ncode_location_file = repo.py", DEFINITIONS, "are set; keep one of them"),
        ("code_location_file = repo.py", "1 / 0", "ZeroDivisionError: division by zero"),
    ],
    ids=["nothing", "two", "broken"],
)
def test_what_cannot_be_served(
    project: Path, home: Path, ini: str, definitions: str, says: str
) -> None:
    (project / "repo.py").write_text(definitions)

    code, output = run_pytest(project, home, ini)

    assert code == 1, output
    assert says in output
    assert "1 error" in output
    assert "codeserver/testing/" not in output, "a traceback of ours is no help"


def test_tests_that_do_without_it(project: Path, home: Path) -> None:
    """They pay nothing for it."""
    (project / "test_repo.py").write_text(
        "import sys\n"
        "def test():\n"
        "    heavy = {'grpc', 'google.protobuf', 'dagster', 'codeserver.client'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )

    code, output = run_pytest(project, home, "code_location_file = nowhere.py", "-p", "no:anyio")

    assert code == 0, output
