"""Definitions to describe, and how the front reads what is said about them."""

# Annotations are not put off: Dagster looks at them when it makes a definition.

import enum
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from codeserver.facts import LoadOrder
from codeserver.front.typed_api import values
from codeserver.worker.answers import answer
from codeserver.worker.loading.location import Location
from tests.support.dagster_names import EXCLUDES_WINDOWS, MARKS_SECRETS, freshness

# Jobs ---------------------------------------------------------------------------------------------


@dg.success_hook
def tell(_: dg.HookContext) -> None:
    """Do nothing."""


@dg.op(pool="database", tags={"size": "s"}, required_resource_keys={"store"})
def load(context: dg.OpExecutionContext) -> int:
    """Load a number."""
    return 1


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=1.5, backoff=dg.Backoff.EXPONENTIAL))
def add(left: int, right: int = 2) -> int:
    return left + right


@dg.op
def total(numbers: list[int]) -> int:
    return sum(numbers)


@dg.op(out={"even": dg.Out(int, is_required=False), "odd": dg.Out(int, is_required=False)})
def split(number: int):
    yield dg.Output(number, "odd")


@dg.op(out=dg.DynamicOut(int))
def each_one():
    yield dg.DynamicOutput(1, "one")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def finish() -> None: ...


@dg.graph
def twice(number: int) -> int:
    return add(add(number))


@dg.graph
def four_times(number: int) -> int:
    return twice.alias("second")(twice.alias("first")(number))


@dg.graph
def mapped_inside(number: int) -> int:
    return add.alias("inner")(number)


@dg.resource(config_schema={"path": dg.Field(str, default_value="/tmp/x")})
def store(_: dg.InitResourceContext) -> None: ...


STORE = {"store": store}


@dg.job(
    resource_defs=STORE,
    hooks={tell},
    tags={"team": "a"},
    op_retry_policy=dg.RetryPolicy(max_retries=1, jitter=dg.Jitter.FULL, delay=1),
    metadata={"page": dg.MetadataValue.url("https://example.org")},
)
def nested() -> None:
    """Graphs in graphs."""
    finish(four_times(load()))


@dg.job(resource_defs=STORE)
def fan_in() -> None:
    even, odd = split(load())
    total([add(even), add.alias("other").with_hooks({tell})(odd), load.alias("again")()])


@dg.job
def dynamic() -> None:
    finish(total(each_one().map(add).map(mapped_inside).collect()))


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(dg.Config):
    depth: int = Field(default=3, description="How deep.")


class Settings(dg.Config):
    """What can be set."""

    name: str = Field(description="Its name.")
    colour: Colour = Colour.RED
    inner: Inner = Inner()
    password: str = Field(default="hidden in tests", json_schema_extra={"dagster__is_secret": True})
    limit: int | None = None


@dg.op
def pythonic(config: Settings) -> None: ...


@dg.op(
    config_schema={
        "array": dg.Field([int], default_value=[1]),
        "by_name": dg.Field(dg.Map(str, int, key_label_name="person"), is_required=False),
        "choice": dg.Enum("Choice", [dg.EnumValue("YES"), dg.EnumValue("NO")]),
        "free": dg.Field(dg.Permissive({"known": dg.Field(int, is_required=False)})),
        "one_of": dg.Selector({"file": str, "table": {"name": str}}),
        "or_null": dg.Field(dg.Noneable(float), default_value=None),
        "required": dg.Field(int, description="A number\nin two lines: #1."),
        "source": dg.Field(dg.StringSource, default_value="yes"),
        "shape": {"a": int, "b": dg.Field(bool, default_value=True)},
        "any": dg.Field(dg.Any, is_required=False),
    }
)
def configured(context: dg.OpExecutionContext) -> None: ...


@dg.job(resource_defs=STORE)
def settings_job() -> None:
    pythonic()
    configured()


@dg.op
def needs_input(number: int, text: str = "none") -> None: ...


@dg.job
def inputs_job() -> None:
    needs_input()


@dg.op(config_schema=int)
def count(context: dg.OpExecutionContext) -> None: ...


class Vault(dg.ConfigurableResource):
    """Has secrets in every place that can have some."""

    token: str = Field(default="default of a token", json_schema_extra={"dagster__is_secret": True})
    certificates: dict[str, str] = {}


def _secret_field() -> dg.Field:
    marked = {"is_secret": True} if MARKS_SECRETS else {}
    return dg.Field(str, default_value="s3cret of a function", **marked)


@dg.resource(config_schema={"login": dg.Field({"name": dg.Field(str), "word": _secret_field()})})
def vault(_: dg.InitResourceContext) -> None: ...


@dg.job(
    resource_defs={"vault": Vault(token="s3cret of a job"), "other": vault},
    config={
        "ops": {"count": {"config": 7}},
        "resources": {
            "vault": {"config": {"token": "s3cret of a run"}},
            "other": {"config": {"login": {"name": "x", "word": "s3cret of a run, too"}}},
        },
    },
)
def secret_job() -> None:
    count()


@dg.job(config={"ops": {"count": {"config": 7}}})
def default_job() -> None:
    count()


# Partitions ---------------------------------------------------------------------------------------

STATIC = dg.StaticPartitionsDefinition(["a", "b", "c", "d"])
DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_offset=1)
HOURLY = dg.HourlyPartitionsDefinition("2025-01-01-00:00", timezone="Europe/Berlin")
WEEKLY = dg.WeeklyPartitionsDefinition("2024-01-01", end_date="2024-06-01")
PAST = dg.DailyPartitionsDefinition("2024-01-01", end_offset=-2)
SPARSE = dg.TimeWindowPartitionsDefinition(
    start="2024-01-01",
    cron_schedule="0 0 * * *",
    fmt="%Y-%m-%d",
    **({"exclusions": ["0 0 * * 0"]} if EXCLUDES_WINDOWS else {}),
)
MULTI = dg.MultiPartitionsDefinition({"letter": STATIC, "day": WEEKLY})
BARS = dg.MultiPartitionsDefinition(
    {
        "x": dg.DynamicPartitionsDefinition(name="odd"),
        "y": dg.StaticPartitionsDefinition(["1", "2"]),
    }
)
DYNAMIC = dg.DynamicPartitionsDefinition(name="customers")
FUNCTION = dg.DynamicPartitionsDefinition(lambda _: ["x", "y"])

PARTITIONS: dict[str, dg.PartitionsDefinition] = {
    "static": STATIC,
    "daily": DAILY,
    "hourly": HOURLY,
    "weekly": WEEKLY,
    "past": PAST,
    "sparse": SPARSE,
    "multi": MULTI,
    "bars": BARS,
    "dynamic": DYNAMIC,
    "function": FUNCTION,
}


@dg.static_partitioned_config(
    STATIC.get_partition_keys(), tags_for_partition_key_fn=lambda key: {"letter": key}
)
def counted(key: str) -> Mapping[str, Any]:
    if key == "d":
        raise ArithmeticError("d does not add up")
    return {"ops": {"count": {"config": ord(key)}}}


@dg.job(config=counted)
def partitioned_job() -> None:
    count()


PARTITIONED_JOBS = [
    dg.JobDefinition(graph_def=dg.GraphDefinition(name=f"by_{name}"), partitions_def=found)
    for name, found in PARTITIONS.items()
]


# Assets -------------------------------------------------------------------------------------------

OUTSIDE = dg.AssetSpec(["outside", "events"], group_name="raw", description="From elsewhere.")


@dg.asset(
    key_prefix="raw",
    group_name="raw",
    kinds={"python", "s3"},
    tags={"tier": "gold"},
    owners=["team:data", "ada@example.com"],
    metadata={
        "rows": 3,
        "huge": 2**60,
        "nan": float("nan"),
        "long": "x" * 5_000,
        "wide": {"cells": list(range(2_000))},
        "schema": dg.TableSchema([dg.TableColumn("id", "int", constraints=None)]),
        "none": None,
    },
    deps=[OUTSIDE],
    automation_condition=dg.AutomationCondition.eager(),
    **freshness("time_window", timedelta(hours=3), timedelta(minutes=90)),
    code_version="7",
    pool="database",
    required_resource_keys={"store"},
)
def orders() -> int:
    """Each order."""
    return 1


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    automation_condition=dg.AutomationCondition.missing() & ~dg.AutomationCondition.in_progress(),
)
def days() -> None: ...


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.multi_run(3),
    deps=[
        dg.AssetDep(
            "days", partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
        )
    ],
    **freshness("cron", "0 9 * * *", timedelta(hours=1), "Europe/Berlin"),
)
def later() -> None: ...


@dg.multi_asset(specs=[dg.AssetSpec("left", deps=[orders]), dg.AssetSpec("right")])
def both():
    yield dg.MaterializeResult(asset_key="left")
    yield dg.MaterializeResult(asset_key="right")


@dg.graph_asset(group_name="made", ins={"number": dg.AssetIn(key=["raw", "orders"])})
def built(number: int) -> int:
    return add(twice(number), load())


@dg.asset_check(asset=orders, blocking=True, description="There are some.", additional_deps=[days])
def not_empty() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.observable_source_asset
def seen() -> dg.DataVersion:
    return dg.DataVersion("1")


asset_job = dg.define_asset_job(
    "asset_job", selection=dg.AssetSelection.assets(["raw", "orders"], "left", "right")
)


# Automation ---------------------------------------------------------------------------------------


class Database(dg.ConfigurableResource):
    """Keeps everything."""

    host: str
    port: int = 5432
    password: str = Field(json_schema_extra={"dagster__is_secret": True})


class Service(dg.ConfigurableResource):
    database: Database
    url: str


@dg.schedule(
    job=nested,
    cron_schedule=["0 6 * * *", "0 18 * * *"],
    execution_timezone="Europe/Berlin",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags={"when": "often"},
    description="Morning and evening.",
)
def twice_a_day(service: Service) -> dg.SkipReason:
    return dg.SkipReason("never")


asset_schedule = dg.ScheduleDefinition(
    name="asset_schedule", target=dg.AssetSelection.groups("raw"), cron_schedule="@daily"
)


@dg.sensor(jobs=[nested, fan_in], minimum_interval_seconds=90, description="Looks.")
def watcher() -> dg.SkipReason:
    return dg.SkipReason("never")


@dg.asset_sensor(asset_key=dg.AssetKey(["raw", "orders"]), job=fan_in)
def on_orders() -> dg.SkipReason:
    return dg.SkipReason("never")


@dg.multi_asset_sensor(monitored_assets=[dg.AssetKey("left"), dg.AssetKey("days")], job=fan_in)
def on_several() -> dg.SkipReason:
    return dg.SkipReason("never")


@dg.run_failure_sensor
def on_failure() -> None: ...


conditions = dg.AutomationConditionSensorDefinition("conditions", target="*")

DATABASE = Database(host="example.org", password="s3cret")


def repositories() -> dict[str, dg.RepositoryDefinition]:
    """Everything above, and a small repository beside it with a job and an asset of known names."""
    main = dg.Definitions(
        assets=[OUTSIDE, orders, days, later, both, built, seen],
        asset_checks=[not_empty],
        jobs=[
            nested,
            fan_in,
            dynamic,
            settings_job,
            inputs_job,
            default_job,
            secret_job,
            partitioned_job,
            asset_job,
            *PARTITIONED_JOBS,
        ],
        schedules=[twice_a_day, asset_schedule],
        sensors=[watcher, on_orders, on_several, on_failure, conditions],
        resources={
            "store": store,
            "database": DATABASE,
            "service": Service(database=DATABASE, url=dg.EnvVar("SERVICE_URL")),
            "anonymous": Service(database=Database(host="x", password="y"), url="z"),
        },
    ).get_repository_def()

    @dg.asset(key_prefix="raw", name="orders")
    def same_key() -> None: ...

    @dg.repository(name="second")
    def second() -> list[Any]:
        return [dynamic, same_key]

    return {main.name: main, "second": second}


def make_location(instance_ref: str | None = None) -> Location:
    """The location of these repositories.

    Args:
        instance_ref: the serialized instance that has the keys of dynamic partitions, if any.
    """
    found = repositories()
    for repository in found.values():
        repository.load_all_definitions()
    return Location(LoadOrder({}, "python", [], instance_ref=instance_ref), found)


_DEFAULTS: dict[str, dict[str, Any]] = {
    "catalog": {},
    "GetJob": {"op_selection": []},
    "GetAssetGraph": {},
    "GetExecutionPlan": {
        "run_config": "",
        "partition_key": "",
        "op_selection": [],
        "asset_selection": [],
    },
    "GetRunConfigSchema": {"op_selection": []},
    "ListPartitions": {"offset": 0, "limit": 100_000, "reverse": False},
}

MAIN = "__repository__"


def ask(location: Location, rpc: str, **fields: Any) -> Any:
    """The reply, as the front reads it; the repository is the large one unless told otherwise."""
    argument = json.dumps({"repository": MAIN, **_DEFAULTS[rpc], **fields})
    return values.read(answer(location, rpc, argument, {}).body)
