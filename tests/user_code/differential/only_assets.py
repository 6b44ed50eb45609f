"""Assets, and nothing that collects them."""

import dagster as dg


@dg.asset
def lonely() -> None: ...
