import dagster as dg


@dg.asset
def basket() -> None: ...
