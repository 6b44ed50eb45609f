"""As many assets as LARGE_ASSETS says, in layers of a hundred; and jobs of the first five layers."""

import os

import dagster as dg

ASSETS = int(os.environ.get("LARGE_ASSETS", "1000"))
IN_A_LAYER = 100


def _specs():
    for number in range(ASSETS):
        layer, place = divmod(number, IN_A_LAYER)
        before = (layer - 1) * IN_A_LAYER
        upstream = [before + (place + step) % IN_A_LAYER for step in (0, 1, 7)] if layer else []
        yield dg.AssetSpec(
            ["large", f"layer_{layer}", f"asset_{number}"],
            deps=[["large", f"layer_{layer - 1}", f"asset_{each}"] for each in upstream],
            group_name=f"layer_{layer}",
            description="One of very many assets, about which there is a sentence to say. " * 8,
            kinds={"python"},
            tags={"number": str(number)},
            owners=["team:large"],
        )


def _asset(spec):
    @dg.multi_asset(specs=[spec], name=f"make_{spec.key.path[-1]}")
    def make(): ...

    return make


assets = [_asset(spec) for spec in _specs()]
jobs = [
    dg.define_asset_job(f"job_{layer}", dg.AssetSelection.groups(f"layer_{layer}"))
    for layer in range(5)
]

defs = dg.Definitions(assets=assets, jobs=jobs)
