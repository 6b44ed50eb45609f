"""Code in another Python: nothing of the server in it, and all as with stock in that very Python.

The server's own environment has no Dagster here. `make test-python` adds real environments of other
versions of Python.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRunStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs

import codeserver
from codeserver.client import connect
from tests.differential import running
from tests.differential.plain import value
from tests.differential.running import Launched
from tests.process.conftest import Start
from tests.process.editing import replace
from tests.process.running import final_status, messages
from tests.process.serving import Ended, Server, run, serve, skip_message
from tests.process.several import serve_several
from tests.support import environments
from tests.support.environments import OF_CODESERVER, OF_DAGSTER
from tests.support.eventually import eventually

VARIABLE = "CODESERVER_TEST_PYTHONS"
REAL = [Path(path) for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]

CODE = '''
import importlib.util
import json
import multiprocessing
import os
import sys

import dagster as dg

EDITION = "one"
SERVER = {server!r}


def told():
    """Where this process is, and what it has of the server's environment."""
    names = ("codeserver", "uvloop", "watchfiles", "grpc_reflection", "hpack")
    run = multiprocessing.parent_process()
    facts = {{
        "executable": sys.executable,
        "prefix": sys.prefix,
        "version": sys.version,
        "path": sys.path,
        "edition": EDITION,
        "of the server": sorted(
            name
            for name, module in list(sys.modules.items())
            if (getattr(module, "__file__", None) or "").startswith(SERVER)
            and name.partition(".")[0] not in ("codeserver", "__main__", "__mp_main__")
        ),
        "can be imported": [
            name for name in names if name not in sys.modules and importlib.util.find_spec(name)
        ],
        "forked": run is not None and os.getppid() != run.pid,
    }}
    return "told " + json.dumps(facts)


@dg.op
def first(context):
    context.log.info(told())


@dg.op(ins={{"after": dg.In(dg.Nothing)}})
def second(context):
    context.log.info(told())


@dg.job
def steps():
    second(after=first())


@dg.job(executor_def=dg.in_process_executor)
def alone():
    first()


@dg.sensor(job=steps)
def quick():
    yield dg.SkipReason(told())


defs = dg.Definitions(jobs=[steps, alone], sensors=[quick])
'''


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="proc-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def front(folder: Path) -> Path:
    """The Python of the server, which has no Dagster."""
    python = environments.make(folder / "front", without=(*OF_DAGSTER, "codeserver", "_codeserver"))
    packages = environments.packages_of(python)
    os.symlink(Path(codeserver.__file__).parent, packages / "codeserver")
    for found in environments.INSTALLED.glob("codeserver-*.dist-info"):
        os.symlink(found, packages / found.name)
    return python


@pytest.fixture(scope="module", params=["linked", *REAL], ids=lambda each: Path(each).parts[-3:][0])
def python(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The Python of the code."""
    if request.param != "linked":
        return Path(request.param)
    return environments.make(folder / "user", without=OF_CODESERVER)


@pytest.fixture
def code(work: Path, front: Path) -> Path:
    path = work / "served.py"
    path.write_text(CODE.format(server=str(front.parent.parent)))
    return path


def ours(front: Path, python: Path | None = None) -> list[str]:
    options = [] if python is None else ["--python", str(python)]
    return [str(front), "-m", "codeserver", "grpc", "--runs", "warm", *options]


def told(text: str | None) -> dict[str, Any]:
    assert text is not None
    facts: dict[str, Any] = json.loads(text.removeprefix("told "))
    return facts


def facts_of(server: Server, job: str) -> list[dict[str, Any]]:
    return told_by(running.launch(server, job))


def told_by(launched: Launched) -> list[dict[str, Any]]:
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    return [told(text) for text in messages(launched) if text and text.startswith("told ")]


def code_of(server: Server) -> dict[str, Any]:
    """Where a process that executes a run finds the repository."""
    reply = value(server.client.list_repositories())
    (pointer,) = reply.repository_code_pointer_dict.values()
    return {"executable_path": reply.executable_path, "code_pointer": pointer}


def everything(server: Server) -> dict[str, Any]:
    """What the code says of itself in each kind of process, and what clients are told of it."""
    reply = value(server.client.list_repositories())
    found = {
        "executable": reply.executable_path,
        "tick": [told(skip_message(server))],
        "run": facts_of(server, "alone"),
        "steps": facts_of(server, "steps"),
    }
    for each in (*found["tick"], *found["run"], *found["steps"]):
        assert each.pop("of the server") == []
        assert each.pop("can be imported") == []
    return found


def forked(found: dict[str, Any]) -> list[bool]:
    return [step.pop("forked") for step in found["steps"]]


def test_all_as_with_stock_in_that_python(
    home: Path, work: Path, code: Path, front: Path, python: Path
) -> None:
    options = ["-f", code.name]
    stock = [str(python), "-m", "dagster", "api", "grpc"]
    with serve(home, work / "stock.sock", *options, cwd=work, command=stock) as server:
        expected = everything(server)
    assert expected["executable"] == str(python)
    assert not any(forked(expected))

    with serve(
        home, work / "s", *options, "--watch", cwd=work, command=ours(front, python)
    ) as server:
        found = everything(server)
        assert all(forked(found))
        assert without_working_directory(found, work) == without_working_directory(expected, work)
        entry_point = value(server.client.list_repositories()).entry_point
        assert entry_point == [str(python), "-m", "dagster"]
        with connect(f"unix:{server.server.socket}") as client:
            version = expected["tick"][0]["version"].split()[0]
            assert client.location().versions.python == version

        replace(code, code.read_text().replace('EDITION = "one"', 'EDITION = "two"'))
        eventually(lambda: told(skip_message(server))["edition"] == "two", what="the edit")

    options += ["--warm-steps", "off"]
    with serve(home, work / "s", *options, cwd=work, command=ours(front, python)) as server:
        assert [each["edition"] for each in facts_of(server, "steps")] == ["two", "two"]
        assert not any(each["forked"] for each in facts_of(server, "steps"))


def without_working_directory(found: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Without the entries that Dagster adds for the code, and ours keeps at another place."""
    for each in (*found["tick"], *found["run"], *found["steps"]):
        each["path"] = [entry for entry in each["path"] if entry not in ("", str(directory))]
    return found


def test_the_path_of_a_script(
    home: Path, work: Path, code: Path, front: Path, python: Path
) -> None:
    """Started as the script `codeserver`, as with Dagster's script of that environment."""
    script = front.parent / "codeserver"
    script.write_text(f"#!{front}\nfrom codeserver.cli.main import main\nmain()\n")
    script.chmod(0o755)
    command = [str(script), *ours(front, python)[3:]]
    with serve(home, work / "s", "-f", code.name, cwd=work, command=command) as server:
        assert told(skip_message(server))["path"][0] == str(python.parent)


def test_commands(work: Path, code: Path, front: Path, python: Path) -> None:
    """The Python of an option, relative to the current directory, or of a variable."""
    os.symlink(python.parent.parent, work / "env")

    def call(*words: str, **env: str) -> Ended:
        return run(str(front), "-m", "codeserver", *words, cwd=work, env=env)

    checked = call("check", "-f", code.name, "--json", "--python", "env/bin/python")
    assert checked.code == 0, checked.output
    assert json.loads(checked.output)["versions"]["dagster"]
    listed = call("list", "jobs", "-f", code.name, CODESERVER_PYTHON="env/bin/python")
    assert [line.split("\t")[0] for line in listed.output.splitlines()] == ["alone", "steps"]
    planned = call("plan", "steps", "-f", code.name, "--python", str(python))
    assert "second" in planned.output
    missing = call("check", "-f", code.name, "--python", "nowhere/bin/python")
    assert missing.code == 2
    assert f"--python {work}/nowhere/bin/python does not exist" in missing.output
    refused = call("grpc", "-f", code.name, CODESERVER_PYTHON="/bin/true")
    assert refused.code == 2
    assert "Error: CODESERVER_PYTHON /bin/true is not a Python interpreter" in refused.output


def test_the_dagster_command(work: Path, code: Path, front: Path, python: Path, home: Path) -> None:
    """It serves with the server's Python; everything else is Dagster in the Python of the code."""
    folder = work / "bin"
    ended = run(
        *(str(front), "-m", "codeserver", "install-dagster", str(folder)),
        cwd=work,
        env={"CODESERVER_PYTHON": str(python)},
    )
    assert ended.code == 0, ended.output
    command = str(folder / "dagster")
    show = "import importlib.metadata; print(importlib.metadata.version('dagster'))"
    version = run(str(python), "-c", show, cwd=work).output.strip()
    assert run(command, "--version", cwd=work) == Ended(0, f"dagster, version {version}\n")

    words = [command, "api", "grpc", "-f", code.name]
    with serve(home, work / "s", cwd=work, command=words) as server:
        assert told(skip_message(server))["executable"] == str(python)
        probe = run(command, "api", "grpc-health-check", "-s", str(work / "s"), cwd=work)
        assert probe.code == 0, probe.output
        origin = JobPythonOrigin("steps", RepositoryPythonOrigin(**code_of(server)))
        made = running.make(server, "steps", code=origin)
        args = ExecuteRunArgs(origin, made.run_id, server.instance_ref).get_command_args()
        pod = run(command, "api", "execute_run", args[-1], cwd=work)
        assert pod.code == 0, pod.output
        facts = told_by(Launched(server, made.run_id, None))
    assert [each["executable"] for each in facts] == [str(python)] * 2
    assert all(each["forked"] for each in facts)
    assert not any(each["of the server"] + each["can be imported"] for each in facts)
    assert facts[0]["path"][0] == str(python.parent)


def test_newer_syntax_than_ours_is_none_of_our_business(
    work: Path, front: Path, python: Path
) -> None:
    """What this Python cannot compile is left to the other one, and the error is its own."""
    (work / "broken.py").write_text("def f(:\n")
    ended = run(
        *(str(front), "-m", "codeserver", "check", "-f", "broken.py", "--python", str(python)),
        cwd=work,
    )
    assert ended.code == 1
    assert "DagsterUserCodeLoadError" not in ended.output.splitlines()[0]
    assert "SyntaxError" in ended.output


PANDAS = """
import dagster as dg
import pandas


@dg.op
def nothing(): ...


@dg.job
def steps():
    nothing()


@dg.sensor(job=steps)
def quick():
    yield dg.SkipReason(pandas.__version__)


defs = dg.Definitions(jobs=[steps], sensors=[quick])
"""


@pytest.mark.skipif(len(REAL) < 2, reason=f"{VARIABLE} names no two Pythons; `make test-python`")
def test_two_releases_of_a_package_in_one_server(home: Path, work: Path, front: Path) -> None:
    (work / "served.py").write_text(PANDAS)
    pythons = {f"env{number}": python for number, python in enumerate(REAL)}
    entries = {name: {"python_file": "served.py", "python": it} for name, it in pythons.items()}
    with serve_several(home, work, entries, command=ours(front)) as several:
        several.ready(*entries)
        versions = [skip_message(several.location(name)) for name in entries]
    assert len(set(versions)) == len(REAL)
    for python, version in zip(REAL, versions, strict=True):
        show = "import pandas; print(pandas.__version__)"
        assert run(str(python), "-c", show, cwd=work).output.strip() == version


def test_one_server_of_several_pythons(
    home: Path, work: Path, code: Path, front: Path, python: Path
) -> None:
    """Each location has its own, and one without Dagster keeps nobody from the others."""
    again = environments.make(work / "again", without=OF_CODESERVER)
    pythons = {"one": python, "two": again, "none": front, "wrong": Path("/bin/true")}
    entries = {name: {"python_file": code.name, "python": it} for name, it in pythons.items()}
    with serve_several(home, work, entries, command=ours(front)) as several:
        several.ready("one", "two")
        for name in ("one", "two"):
            found = everything(several.location(name))
            assert found["executable"] == str(pythons[name])
            for each in (*found["tick"], *found["run"], *found["steps"]):
                assert each["executable"] == str(pythons[name])
        for name, reason in (("none", "Dagster cannot be imported by"), ("wrong", "/bin/true")):
            eventually(
                lambda name=name, reason=reason: reason in str(several.told(name).load_error),  # type: ignore[misc]
                what=f"the error of {name}",
            )


def test_a_snapshot(home: Path, work: Path, code: Path, front: Path, python: Path) -> None:
    """It is of the packages of that Python, and not of the server's."""
    ended = run(
        *(str(front), "-m", "codeserver", "snapshot", "-f", code.name, "--python", str(python)),
        cwd=work,
    )
    assert ended.code == 0, ended.output
    options = ["-f", code.name, "--snapshot", "location.snap"]
    with serve(home, work / "s", *options, cwd=work, command=ours(front, python)) as server:
        eventually(lambda: "as in its snapshot" in server.server.text, what="the load")
    other = [*ours(front, python)[:-2], "--python", str(front)]
    with serve(home, work / "s", *options, cwd=work, command=other) as server:
        eventually(lambda: "is not used" in server.server.text, what="the refusal")
        assert "package dagster" in server.server.text or "Python was" in server.server.text


def test_a_python_without_dagster(start: Start, work: Path, code: Path) -> None:
    """The error is served, and names the Python; after an installation, a reload repairs it."""
    python = environments.make(work / "env", without=("",))
    reason = f"Dagster cannot be imported by {python}: ModuleNotFoundError"
    server = start("-f", code.name, "--python", str(python))
    assert reason in value(server.client.list_repositories()).message

    checked = run(
        *(*("codeserver", "check", "-f", code.name), "--python", str(python)),
        cwd=work,
        env={
            "PATH": f"{environments.INSTALLED.parents[2] / 'bin'}{os.pathsep}{os.environ['PATH']}"
        },
    )
    assert checked.code == 1
    assert reason in checked.output

    environments.link(environments.packages_of(python), without=OF_CODESERVER)
    assert not server.reload()
    assert told(skip_message(server))["executable"] == str(python)


def test_a_python_with_a_broken_dagster(work: Path, code: Path) -> None:
    python = environments.make(work / "env", without=OF_CODESERVER)
    packages = environments.packages_of(python)
    (packages / "dagster_shared").unlink()
    (packages / "dagster_shared").mkdir()
    ended = run(
        *(str(environments.INSTALLED.parents[2] / "bin" / "python"), "-m", "codeserver"),
        *("check", "-f", code.name, "--python", str(python)),
        cwd=work,
    )
    assert ended.code == 1
    assert f"Dagster cannot be imported by {python}: Dagster " in ended.output
    assert (
        f"is only half there: dagster_shared/__init__.py is missing in {packages}" in ended.output
    )
