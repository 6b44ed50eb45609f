"""Definitions that Dagster keeps in sets, and describes in their order."""

import datetime
import os
import sys

import dagster as dg

NAMES = "abcdefghij"
RESOURCES = {f"r{name}": dg.ResourceDefinition.hardcoded_resource(name) for name in NAMES}
daily = dg.DailyPartitionsDefinition("2024-01-01")


def specs(prefix, **options):
    return [dg.AssetSpec([prefix, name], **options) for name in NAMES]


@dg.multi_asset(
    specs=specs("tables", kinds=set(NAMES[:3]), tags=dict.fromkeys(NAMES, "x"), owners=["team:a"]),
    check_specs=[dg.AssetCheckSpec(f"c{name}", asset=["tables", name]) for name in NAMES],
    required_resource_keys=set(RESOURCES),
    can_subset=True,
    pool="pool",
)
def tables(): ...


@dg.asset(
    partitions_def=daily,
    deps=[["tables", name] for name in NAMES],
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=dg.AutomationCondition.eager(),
)
def day(): ...


@dg.asset(
    partitions_def=dg.MultiPartitionsDefinition(
        {"day": daily, "of": dg.StaticPartitionsDefinition(list(NAMES))}
    ),
    deps=[dg.AssetDep(day, partition_mapping=dg.MultiToSingleDimensionPartitionMapping("day"))],
)
def both(): ...


@dg.multi_asset(
    outs={name: dg.AssetOut(is_required=False) for name in NAMES},
    internal_asset_deps={
        name: {dg.AssetKey(before) for before in NAMES[:number]}
        for number, name in enumerate(NAMES)
    },
    can_subset=True,
)
def outs(): ...


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(f"m{name}", asset=["tables", name]) for name in NAMES],
    can_subset=True,
)
def checks(): ...


@dg.asset_check(asset=day, additional_deps=[["tables", name] for name in NAMES])
def check(): ...


def hook(name):
    return dg.success_hook(name=name, required_resource_keys=set(RESOURCES))(lambda _: None)


@dg.op(required_resource_keys=set(RESOURCES))
def work(): ...


@dg.job(hooks={hook(name) for name in NAMES}, resource_defs=RESOURCES)
def hooked():
    work()


@dg.sensor(target=[tables])
def environment():
    return dg.SkipReason(f"{os.environ.get('PYTHONHASHSEED')} {sys.flags.hash_randomization}")


select = dg.AssetSelection
defs = dg.Definitions(
    assets=[*dg.with_source_code_references([tables, day, both, outs]), *specs("external")],
    asset_checks=[
        check,
        checks,
        *dg.build_last_update_freshness_checks(
            assets=[["external", name] for name in NAMES],
            lower_bound_delta=datetime.timedelta(hours=1),
        ),
    ],
    jobs=[
        hooked,
        dg.define_asset_job("tables_and_outs", selection=[tables, outs]),
        dg.define_asset_job("checks_only", selection=select.checks_for_assets(tables)),
        dg.define_asset_job("of_a_query", selection='kind:"a" or key:"d"'),
    ],
    schedules=[dg.ScheduleDefinition("nightly", cron_schedule="@daily", target=[tables, outs])],
    sensors=[
        environment,
        dg.AutomationConditionSensorDefinition("automation", target=[tables]),
        dg.AutomationConditionSensorDefinition("keys", target=select.keys("day", "both")),
    ],
    resources=RESOURCES,
)
