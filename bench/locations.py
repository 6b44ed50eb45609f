"""Generated code locations of any size, each a file of decorated functions."""

from __future__ import annotations

import random
from collections.abc import Iterator

_LAYERS = ("raw", "staged", "cleaned", "joined", "enriched", "daily", "weekly", "report")
_UPSTREAMS = 3
_ASSETS_A_JOB = 20
_JOBS_A_SCHEDULE = 5
_JOBS_A_SENSOR = 10

_HEAD = '''"""What a shop knows about itself: {assets:,} assets in {layers} layers."""

import dagster as dg
'''

_ASSET = '''
@dg.asset(group_name="{layer}", owners=["team:shop"], kinds={{"python"}}, tags={{"size": "s"}})
def {name}({arguments}) -> int:
    """Number {number} of the {layer} tables."""
    return {value}
'''

_JOB = """
job_{number} = dg.define_asset_job(
    "job_{number}",
    selection=dg.AssetSelection.assets(
        {names}
    ),
    tags={{"team": "shop"}},
)
"""

_SCHEDULE = '''
@dg.schedule(job=job_{number}, cron_schedule="{minute} 6 * * *", execution_timezone="UTC")
def every_morning_{number}(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Refresh these tables at six."""
    return dg.RunRequest(run_key=f"{{context.scheduled_execution_time:%Y-%m-%d}}")
'''

_SENSOR = '''
@dg.sensor(job=job_{number}, minimum_interval_seconds=60)
def new_orders_{number}(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Refresh these tables when there is something new, which there never is."""
    return dg.SkipReason("There are no new orders.")
'''

_DEFINITIONS = """
defs = dg.Definitions(
    assets=[
        {assets}
    ],
    jobs=[
        {jobs}
    ],
    schedules=[
        {schedules}
    ],
    sensors=[
        {sensors}
    ],
)
"""


def generate(assets: int) -> str:
    """The source of a code location; the same number of assets gives the same source.

    The assets are in eight layers. Each asset below the first layer has three upstream assets in
    the layer before its own. There is a job for every 20 assets (`job_1` and so on), a schedule for
    every fifth job and a sensor for every tenth (`new_orders_1`, `new_orders_11` and so on).

    Args:
        assets: number of assets, at least one.
    """
    layers = _layers(assets)
    names = [name for layer in layers for name in layer]
    jobs = range(1, len(names[::_ASSETS_A_JOB]) + 1)
    parts = [_HEAD.format(assets=assets, layers=len(layers)), *_assets(layers)]
    for job in jobs:
        members = names[(job - 1) * _ASSETS_A_JOB : job * _ASSETS_A_JOB]
        parts.append(_JOB.format(number=job, names=_listed(members)))
    scheduled, sensed = jobs[::_JOBS_A_SCHEDULE], jobs[::_JOBS_A_SENSOR]
    parts += [_SCHEDULE.format(number=job, minute=job % 60) for job in scheduled]
    parts += [_SENSOR.format(number=job) for job in sensed]
    parts.append(
        _DEFINITIONS.format(
            assets=_listed(names),
            jobs=_listed([f"job_{job}" for job in jobs]),
            schedules=_listed([f"every_morning_{job}" for job in scheduled]),
            sensors=_listed([f"new_orders_{job}" for job in sensed]),
        )
    )
    return "\n".join(parts)


def _layers(assets: int) -> list[list[str]]:
    """The names of the assets in each layer that is not empty."""
    size = -(-assets // len(_LAYERS))
    numbers = [range(begin, min(begin + size, assets)) for begin in range(0, assets, size)]
    return [
        [f"{layer}_{number}" for number in in_layer]
        for layer, in_layer in zip(_LAYERS, numbers, strict=False)
    ]


def _assets(layers: list[list[str]]) -> Iterator[str]:
    chance = random.Random(len(layers[0]))
    before: list[str] = []
    for names in layers:
        for name in names:
            layer, _, number = name.partition("_")
            upstreams = sorted(chance.sample(before, min(_UPSTREAMS, len(before))))
            yield _ASSET.format(
                layer=layer,
                name=name,
                number=number,
                arguments=", ".join(f"{upstream}: int" for upstream in upstreams),
                value=" + ".join(upstreams) or number,
            )
        before = names


def _listed(names: list[str]) -> str:
    return "\n        ".join(f"{name}," for name in names)
