"""A component that Dagster's UI could add to the project."""

import dagster as dg


class Basket(dg.Component, dg.Model, dg.Resolvable):
    fruit: str

    def build_defs(self, context):
        return dg.Definitions(assets=[dg.AssetSpec(["managed", self.fruit])])
