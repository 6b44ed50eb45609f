"""A component whose assets are listed in state that is fetched from elsewhere: from the file
that FRUIT_SOURCE names."""

import json
import os
from pathlib import Path

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs


class Orchard(dg.StateBackedComponent, dg.Model, dg.Resolvable):
    fruit: str

    @property
    def defs_state_config(self) -> DefsStateConfig:
        return DefsStateConfig.from_args(
            DefsStateConfigArgs.versioned_state_storage(), default_key=f"Orchard[{self.fruit}]"
        )

    def write_state_to_path(self, state_path: Path) -> None:
        kinds = json.loads(Path(os.environ["FRUIT_SOURCE"]).read_text())
        state_path.write_text(json.dumps(kinds[self.fruit]))

    def build_defs_from_state(self, context, state_path: Path | None) -> dg.Definitions:
        kinds = json.loads(state_path.read_text()) if state_path else []
        return dg.Definitions(assets=[dg.AssetSpec([self.fruit, kind]) for kind in kinds])
