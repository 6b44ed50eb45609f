"""The code locations that are served: the example, and generated ones of any size.

Every one has three sensors more, for ticks of a kind: `quick` skips at once, `busy` uses as many
seconds of CPU as its cursor says, in pure Python, and `hangs` never returns.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.locations import generate

_EXAMPLE = Path(__file__).parents[2] / "example_user_code"
_SENSORS = '''

@dg.sensor(job_name="{job}", name="quick")
def _quick() -> dg.SkipReason:
    """Skip at once."""
    return dg.SkipReason("quick")


@dg.sensor(job_name="{job}", name="busy")
def _busy(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Use so many seconds of CPU."""
    import time

    end = time.thread_time() + float(context.cursor or 0)
    while time.thread_time() < end:
        sum(range(1000))
    return dg.SkipReason("busy")


@dg.sensor(job_name="{job}", name="hangs")
def _hangs() -> None:
    """Wait for what never comes."""
    import threading

    threading.Event().wait()


@dg.sensor(job_name="{job}", name="segfaults")
def _segfaults() -> None:
    """Read the memory at address 0."""
    import ctypes

    ctypes.string_at(0)


@dg.op
def _nothing() -> None:
    """Do nothing."""


@dg.job
def short() -> None:
    """The job that is run: it has nothing to do, so its time is Dagster's and the server's."""
    _nothing()


@dg.job(tags={{"codeserver/runs": "fresh"}})
def short_fresh() -> None:
    """The same, for runs that import the code anew, as with stock."""
    _nothing()


defs = dg.Definitions.merge(
    defs, dg.Definitions(jobs=[short, short_fresh], sensors=[_quick, _busy, _hangs, _segfaults])
)
'''


_PACKAGES = '''"""One asset of a project that imports large packages."""

import dagster as dg
import pandas
import pyarrow.parquet
import sklearn.linear_model


@dg.asset
def fitted() -> None:
    """Fit a line."""
    frame = pandas.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]})
    sklearn.linear_model.LinearRegression().fit(frame[["x"]], frame["y"])
    pyarrow.table({"x": frame["x"]})


fit_job = dg.define_asset_job("fit_job", selection=[fitted])
defs = dg.Definitions(assets=[fitted], jobs=[fit_job])
'''


@dataclass(frozen=True)
class Subject:
    """A code location.

    Attributes:
        name: for figures and the command line.
        title: for people.
        place: writes it into a folder that is not there yet; returns the file to serve.
        job: one of its jobs, which needs no config.
        assets: how many it has.
    """

    name: str
    title: str
    place: Callable[[Path], Path]
    job: str
    assets: int


def _place_example(folder: Path) -> Path:
    shutil.copytree(_EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return _with_sensors(folder / "repo.py", "words_job")


def _place_assets(folder: Path, assets: int) -> Path:
    folder.mkdir()
    code = folder / "shop.py"
    code.write_text(generate(assets), "utf-8")
    return _with_sensors(code, "job_1")


def _with_sensors(code: Path, job: str) -> Path:
    code.write_text(code.read_text("utf-8") + _SENSORS.format(job=job), "utf-8")
    return code


EXAMPLE = Subject(
    "example", "the example: 4 jobs, 4 assets", _place_example, job="words_job", assets=4
)


def _place_packages(folder: Path) -> Path:
    folder.mkdir()
    code = folder / "analysis.py"
    code.write_text(_PACKAGES, "utf-8")
    return _with_sensors(code, "fit_job")


PACKAGES = Subject(
    "packages",
    "an asset that uses pandas, pyarrow and scikit-learn",
    _place_packages,
    job="fit_job",
    assets=1,
)


def many_assets(assets: int) -> Subject:
    """A location of so many assets; more than 40."""
    place = partial(_place_assets, assets=assets)
    return Subject(str(assets), f"{assets:,} assets", place, job="job_1", assets=assets)
