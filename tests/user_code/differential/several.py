"""More than one repository in a file."""

import dagster as dg


@dg.op
def greet():
    return "hello"


@dg.job
def greeting():
    greet()


@dg.asset(description="long " * 600_000)  # occurs three times: 9,000,000 characters
def table() -> None: ...


@dg.repository
def first():
    return [greeting]


@dg.repository
def second():
    return [table, dg.define_asset_job("table_job", [table])]


def third() -> dg.RepositoryDefinition:
    """Not found by looking at the module; can be asked for."""

    @dg.repository(name="on_demand", description="Made when asked for.")
    def made():
        return [greeting]

    return made
