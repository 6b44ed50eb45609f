"""Config of every kind, of ops, graphs and resources."""

import enum
from typing import Literal

import dagster as dg
from pydantic import Field


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


KINDS = {
    "integer": dg.Field(int, description="A number."),
    "floating": dg.Field(float, default_value=0.5),
    "text": dg.Field(str, is_required=False),
    "switch": dg.Field(bool, default_value=False),
    "anything": dg.Field(dg.Any, is_required=False),
    "choice": dg.Field(dg.Enum.from_python_enum(Colour), default_value="RED"),
    "several": dg.Field([int], default_value=[1, 2]),
    "of_shapes": dg.Field([{"x": int}], is_required=False),
    "by_name": dg.Field(dg.Map(str, int, key_label_name="country"), default_value={"de": 49}),
    "or_null": dg.Field(dg.Noneable(int), default_value=None),
    "one_of": dg.Field(
        dg.Selector({"file": str, "table": {"name": str, "schema": dg.Field(str, "public")}}),
        is_required=False,
    ),
    "closed": dg.Field({"inside": {"deep": dg.Field(int, default_value=3)}}),
    "open": dg.Field(dg.Permissive({"known": dg.Field(int, is_required=False)})),
    "from_environment": dg.Field(dg.StringSource, is_required=False),
    "either": dg.Field(
        dg.ScalarUnion(scalar_type=int, non_scalar_schema={"number": int}), is_required=False
    ),
}


@dg.op(config_schema=KINDS)
def takes_everything(): ...


@dg.op(config_schema=int)
def takes_a_number(): ...


@dg.op
def takes_nothing(number: int = 1) -> int:
    return number


class Cat(dg.Config):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(dg.Config):
    kind: Literal["dog"] = "dog"
    tricks: list[str]


class Address(dg.Config):
    """Where somebody lives."""

    street: str = Field(description="Street and number.")
    zip_code: str | None = None


class Person(dg.Config):
    name: str = Field(description="What to call them.", default="Ada")
    address: Address
    colour: Colour = Colour.GREEN
    pet: Cat | Dog = Field(discriminator="kind")
    ages: dict[str, int] = {}
    nicknames: list[str] = []
    height: float | None = None


@dg.op
def greet(config: Person) -> str:
    """Greet a person."""
    return config.name


@dg.job(executor_def=dg.in_process_executor)
def every_kind():
    takes_everything()


@dg.job(executor_def=dg.in_process_executor)
def a_number():
    takes_a_number()


@dg.job(executor_def=dg.in_process_executor)
def pythonic():
    greet()


@dg.job(executor_def=dg.in_process_executor)
def nothing_needed():
    takes_nothing()


@dg.config_mapping(config_schema={"number": dg.Field(int, default_value=4)})
def number_for_the_op(config):
    return {"takes_a_number": {"config": config["number"]}}


@dg.graph(config=number_for_the_op)
def mapped_inside():
    takes_a_number()


@dg.job(executor_def=dg.in_process_executor)
def mapped():
    mapped_inside()


@dg.op
def takes_an_input(number: int): ...


@dg.job(executor_def=dg.in_process_executor)
def input_needed():
    takes_an_input()


@dg.job(
    executor_def=dg.in_process_executor,
    config={"ops": {"takes_a_number": {"config": 12}}},
)
def with_default_config():
    takes_a_number()


@dg.job(executor_def=dg.multiprocess_executor)
def executor_and_loggers():
    takes_nothing()


# Resources


class Credentials(dg.ConfigurableResource):
    """How to get in."""

    user: str = "guest"
    password: str


class Database(dg.ConfigurableResource):
    """A database that nobody has."""

    host: str = Field(description="Where it is.")
    port: int = 5432
    credentials: Credentials
    replicas: list[str] = []


@dg.resource(config_schema={"rate": dg.Field(int, default_value=5, description="Per second.")})
def old_style(_context):
    """As resources used to be."""


@dg.op
def query(database: Database): ...


@dg.op(required_resource_keys={"old", "plain"})
def use_old(): ...


@dg.job(executor_def=dg.in_process_executor)
def with_resources():
    query()
    use_old()


@dg.job(
    executor_def=dg.in_process_executor,
    resource_defs={"database": Database.configure_at_launch()},
)
def launched_with_resources():
    query()


@dg.asset
def rows(database: Database) -> None: ...


shared = Credentials(user="ada", password=dg.EnvVar("DATABASE_PASSWORD"))

defs = dg.Definitions(
    assets=[rows],
    jobs=[
        *(every_kind, a_number, pythonic, nothing_needed, mapped, input_needed),
        *(with_default_config, executor_and_loggers, with_resources, launched_with_resources),
    ],
    resources={
        "database": Database(
            host="db.example.org",
            credentials=Credentials(password="only inside"),
            replicas=["one", "two"],
        ),
        "mirror": Database(host="mirror.example.org", credentials=shared),
        "shared_credentials": shared,
        "old": old_style.configured({"rate": 7}),
        "plain": 42,
    },
)
