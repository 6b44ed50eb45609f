"""Code that is edited: what is saved is what Dagster shows and runs, and nobody presses Reload."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import codeserver
from tests.acceptance.conftest import UNDER_TEST, USER_CODE
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.graphql import POLL
from tests.support.servers import OURS, ServerProcess

pytestmark = pytest.mark.skipif(UNDER_TEST != "ours", reason="the stock servers watch no files")

CODE = (USER_CODE / "acceptance_edited.py").read_text()
PROJECT = USER_CODE / "acceptance_project"
PICKING = "type: berries.picking.Picking\nattributes:\n  berry: {}\n"
OWN_CODE = f"{Path(codeserver.__file__).parent}{os.sep}"

Save = Callable[[Path, str], None]


def edition(name: str) -> str:
    """The code, of which every part says this."""
    assert 'EDITION = "first"' in CODE
    return CODE.replace('EDITION = "first"', f'EDITION = "{name}"')


def jobs_of(name: str) -> set[str]:
    """The names of the jobs of an edition."""
    return {f"{name}_job", "patient_job"}


def replace(path: Path, text: str) -> None:
    """Write a new file and put it in the place of the old, as most editors do."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def in_place(path: Path, text: str) -> None:
    """Empty the file and write it anew."""
    path.write_text(text)


@pytest.fixture(scope="module")
def dagster(home: Path) -> Iterator[Deployment]:
    (home / "edited").mkdir()
    (home / "edited" / "repo.py").write_text(CODE)
    shutil.copytree(PROJECT, home / "project")

    def watching(name: str, folder: str, *options: str) -> ServerProcess:
        cwd = home / folder
        return ServerProcess(
            [*OURS, *options, "--watch"],
            home / f"{name}.sock",
            env={"DAGSTER_HOME": str(home), "PWD": str(cwd)},  # as a shell says where it is
            cwd=cwd,
        )

    servers = {
        "edited": watching("edited", "edited", "-f", "repo.py"),
        "defs folder": watching(
            "defs-folder", "project", "-m", "berries.definitions", "--runs", "warm"
        ),
    }
    with Deployment(home, servers) as deployment:
        yield deployment


def shows(dagster: Deployment, location: str, jobs: set[str]) -> None:
    """Wait until the webserver shows these jobs; nobody tells it to look."""
    eventually(lambda: dagster.jobs(location) == jobs, every=POLL, what=f"the jobs {jobs}")


def shows_error(dagster: Deployment, location: str, part: str) -> str:
    """Wait until the webserver shows an error with this text; return all of it."""

    def error() -> str | None:
        text = dagster.load_error(location)
        return text if part in text else None

    return eventually(error, every=POLL, what=f"the error {part!r}")


def runs(dagster: Deployment, location: str, job: str, text: str) -> None:
    """Make sure that a run of this job succeeds and logs this text."""
    run_id = dagster.launch(job, location)
    dagster.wait_for_run(run_id, "SUCCESS")
    assert text in dagster.log(run_id)


@pytest.fixture
def file(dagster: Deployment) -> Path:
    """The file of the location ``edited``: the first edition, whatever earlier tests did."""
    file = dagster.home / "edited" / "repo.py"
    for path in file.parent.iterdir():
        if path != file:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    replace(file, CODE)
    dagster.reload("edited")  # what is tested comes after this
    shows(dagster, "edited", jobs_of("first"))
    return file


def test_what_is_saved_is_shown_and_run(dagster: Deployment, file: Path):
    replace(file, edition("second"))

    shows(dagster, "edited", jobs_of("second"))
    runs(dagster, "edited", "second_job", "the second edition works")


@dataclass(frozen=True)
class Mistake:
    """Something that a user may save.

    Attributes:
        code: the whole file.
        line: the one that is wrong.
        error: what Python says about it.
        save: how the file is saved.
    """

    code: str
    line: str
    error: str
    save: Save


def at_the_end(line: str, error: str, save: Save) -> Mistake:
    return Mistake(f"{CODE}{line}\n", line, error, save)


MISTAKES = (
    at_the_end("raise RuntimeError('the user erred')", "RuntimeError: the user erred", in_place),
    at_the_end("def defs(:", "SyntaxError: invalid syntax", replace),
    at_the_end("import not_there", "ModuleNotFoundError: No module named 'not_there'", replace),
    at_the_end("raise SystemExit('enough')", "SystemExit: enough", in_place),
)


def test_mistakes_are_shown_until_the_last_is_repaired(dagster: Deployment, file: Path):
    for mistake in MISTAKES:
        mistake.save(file, mistake.code)

        error = shows_error(dagster, "edited", mistake.error)
        assert str(file) in error
        assert mistake.line in error
        assert OWN_CODE not in error

    replace(file, edition("repaired"))

    shows(dagster, "edited", jobs_of("repaired"))
    runs(dagster, "edited", "repaired_job", "the repaired edition works")


@pytest.fixture
def defs_folder(dagster: Deployment) -> Path:
    """The folder of the components, as it was in the beginning, whatever earlier tests did."""
    folder = dagster.home / "project" / "berries" / "defs"
    shutil.rmtree(folder / "garden", ignore_errors=True)
    replace(folder / "wild" / "defs.yaml", PICKING.format("bilberry"))
    dagster.reload("defs folder")
    shows(dagster, "defs folder", {"bilberry_job"})
    return folder


def test_components_that_change_come_and_go(dagster: Deployment, defs_folder: Path):
    replace(defs_folder / "wild" / "defs.yaml", PICKING.format("cranberry"))
    shows(dagster, "defs folder", {"cranberry_job"})

    new = defs_folder / "garden"
    new.mkdir()
    (new / "defs.yaml").write_text(PICKING.format("gooseberry"))
    shows(dagster, "defs folder", {"cranberry_job", "gooseberry_job"})
    runs(dagster, "defs folder", "gooseberry_job", "picked a gooseberry")

    shutil.rmtree(new)
    shows(dagster, "defs folder", {"cranberry_job"})


def test_a_mistake_in_a_component_is_shown_until_it_is_repaired(
    dagster: Deployment, defs_folder: Path
):
    file = defs_folder / "wild" / "defs.yaml"
    in_place(file, PICKING.replace("berry:", "bery:").format("cranberry"))

    error = shows_error(dagster, "defs folder", "bery")
    assert f"{file}:3" in error
    assert OWN_CODE not in error

    in_place(file, PICKING.format("cranberry"))

    shows(dagster, "defs folder", {"cranberry_job"})


def test_a_folder_that_is_made_anew_is_watched_on(dagster: Deployment, defs_folder: Path):
    """As `git checkout` or a copy does it; the new folder may get the inode of the old one."""
    for berry in ("cranberry", "mulberry"):
        shutil.rmtree(defs_folder)
        shutil.copytree(PROJECT / "berries" / "defs", defs_folder)
        shows(dagster, "defs folder", {"bilberry_job"})

        replace(defs_folder / "wild" / "defs.yaml", PICKING.format(berry))

        # That the server is told of this, and not only looks every ten seconds, is in the unit
        # tests of notices.
        shows(dagster, "defs folder", {f"{berry}_job"})


def test_a_run_goes_on_through_edits(dagster: Deployment, file: Path):
    run_id = dagster.launch("patient_job", "edited")
    eventually(
        lambda: "the first edition waits" in dagster.log(run_id), every=POLL, what="the run waits"
    )

    for name in ("second", "third", "fourth"):
        replace(file, edition(name))
        shows(dagster, "edited", jobs_of(name))

    assert dagster.run(run_id)["status"] == "STARTED"
    (dagster.home / "gate").touch()
    dagster.wait_for_run(run_id, "SUCCESS")
    assert "the first edition goes on" in dagster.log(run_id)
    assert "the first edition works" in dagster.log(run_id)


def test_an_edited_sensor_launches_by_the_new_code(dagster: Deployment, file: Path):
    dagster.start_daemon()
    dagster.start_sensor("once_an_edition", "edited")
    assert launched_by_sensor(dagster, "first") == "first_job"

    replace(file, edition("second"))

    assert launched_by_sensor(dagster, "second") == "second_job"
    dagster.stop_sensor("once_an_edition", "edited")


def launched_by_sensor(dagster: Deployment, name: str) -> str:
    """Wait for a successful run that the sensor of this edition has launched; return its job."""

    def launched() -> str | None:
        for tick in dagster.ticks("once_an_edition", "edited"):
            for run_id in tick["runIds"]:
                if dagster.run(run_id)["tags"]["edition"] == name:
                    return run_id
        return None

    run_id = eventually(launched, every=POLL, what=f"a run of the {name} edition")
    dagster.wait_for_run(run_id, "SUCCESS")
    assert f"the {name} edition works" in dagster.log(run_id)
    return dagster.run(run_id)["job"]
