"""A dbt project whose models are assets."""

from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

project = DbtProject(project_dir=Path(__file__).parent / "warehouse")
project.prepare_if_dev()


@dbt_assets(manifest=project.manifest_path)
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


defs = dg.Definitions(assets=[warehouse], resources={"dbt": DbtCliResource(project_dir=project)})
