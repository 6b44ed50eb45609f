"""The served code locations: the example, generated ones, and one with large packages.

Each of them also has the jobs and sensors of `user_code/ticks.py`, except the small one, of which
many are served at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.locations import generate

_EXAMPLE = Path(__file__).parents[1] / "example_user_code"
_USER_CODE = Path(__file__).with_name("user_code")


@dataclass(frozen=True)
class Subject:
    """A code location.

    Attributes:
        name: the name for figures and the command line.
        title: the name to show.
        place: writes it into a new folder of this path; returns the file to serve.
        job: name of a job that needs no config.
        assets: number of assets.
    """

    name: str
    title: str
    place: Callable[[Path], Path]
    job: str
    assets: int


def edition(source: str, number: int) -> tuple[str, str]:
    """The text of a location in which one job has a new name with this number, and that name."""
    assert source.count('"edition_0"') == 1
    job = f"edition_{number}"
    return source.replace('"edition_0"', f'"{job}"'), job


def save(path: Path, text: str) -> None:
    """Save a file atomically, as an editor does: readers see the old text or the new one."""
    beside = path.with_suffix(".new")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)


def _place_example(folder: Path) -> Path:
    shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return _with_ticks(folder / "repo.py")


def _place_assets(folder: Path, assets: int) -> Path:
    folder.mkdir()
    code = folder / "shop.py"
    code.write_text(generate(assets), "utf-8")
    return _with_ticks(code)


def _place_packages(folder: Path) -> Path:
    folder.mkdir()
    return _with_ticks(Path(shutil.copy(_USER_CODE / "packages.py", folder)))


def _with_ticks(code: Path) -> Path:
    ticks = (_USER_CODE / "ticks.py").read_text("utf-8")
    merged = "\n\ndefs = dg.Definitions.merge(defs, dg.Definitions(**ticks))\n"
    code.write_text(f"{code.read_text('utf-8')}\n\n{ticks}{merged}", "utf-8")
    return code


def _place_small(folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(_USER_CODE / "small.py", folder))


def with_ticks(folder: Path) -> Path:
    """Place the small location, with the jobs and sensors of `user_code/ticks.py`."""
    return _with_ticks(_place_small(folder))


def many_assets(assets: int) -> Subject:
    """A location with this number of assets, which must be more than 40."""
    place = partial(_place_assets, assets=assets)
    return Subject(str(assets), f"{assets:,} assets", place, job="job_1", assets=assets)


EXAMPLE = Subject(
    "example", "the example: 4 jobs, 4 assets", _place_example, job="words_job", assets=4
)
SMALL = Subject("small", "3 assets, a job, a schedule and a sensor", _place_small, "daily_job", 3)
PACKAGES = Subject(
    "packages",
    "an asset that uses pandas, pyarrow and scikit-learn",
    _place_packages,
    job="fit_job",
    assets=1,
)
SUBJECTS = (SMALL, EXAMPLE, PACKAGES, *(many_assets(count) for count in (100, 1000, 5000)))
"""All locations, the smallest first."""
