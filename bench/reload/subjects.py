"""The code locations whose code is edited."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.locations import generate

_EXAMPLE = Path(__file__).parents[2] / "example_user_code"
_HEAVY = Path(__file__).with_name("heavy_user_code.py")


@dataclass(frozen=True)
class Location:
    """A code location.

    Attributes:
        name: for the command line.
        title: for people.
        place: writes it into a folder that is not there yet; the file to serve and edit.
        edited_job: the job that gets another name with each edit.
        job: another one, which keeps its name.
        sensor: one that always skips.
    """

    name: str
    title: str
    place: Callable[[Path], Path]
    edited_job: str
    job: str
    sensor: str

    def edition(self, source: str, number: int) -> tuple[str, str]:
        """The source with a job of another name, and that name.

        Args:
            source: what `place` has written.
            number: of the edition.
        """
        old = f'"{self.edited_job}"'
        assert source.count(old) == 1
        job = f"{self.edited_job}_edition_{number}"
        return source.replace(old, f'"{job}"'), job


def _place_example(folder: Path) -> Path:
    shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "repo.py"


def _place_assets(folder: Path, assets: int) -> Path:
    folder.mkdir()
    code = folder / "shop.py"
    code.write_text(generate(assets), "utf-8")
    return code


def _place_heavy(folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(_HEAVY, folder))


EXAMPLE = Location(
    name="example",
    title="the example: 4 jobs, 4 assets",
    place=_place_example,
    edited_job="example_job",
    job="words_job",
    sensor="watched_file_sensor",
)

HEAVY = Location(
    name="heavy",
    title="imports pandas, pyarrow, scikit-learn",
    place=_place_heavy,
    edited_job="train",
    job="ingest",
    sensor="new_houses",
)


def many_assets(assets: int) -> Location:
    """A location of so many assets; more than 40."""
    return Location(
        name="assets",
        title=f"{assets:,} assets",
        place=partial(_place_assets, assets=assets),
        edited_job="job_2",
        job="job_3",
        sensor="new_orders_1",
    )
