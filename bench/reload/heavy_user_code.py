"""A little machine learning, with libraries that take long to import."""

import dagster as dg
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

FEATURES = ["rooms", "distance"]


@dg.asset(group_name="houses")
def houses() -> pd.DataFrame:
    """What is known of each house."""
    return pd.DataFrame(
        {"rooms": [2, 3, 4, 5], "distance": [9.0, 4.0, 7.0, 1.0], "price": [1.0, 2.0, 2.5, 4.0]}
    )


@dg.asset(group_name="houses")
def house_table(houses: pd.DataFrame) -> pa.Table:
    """The same as an Arrow table."""
    return pa.Table.from_pandas(houses)


@dg.asset(group_name="models")
def linear_model(houses: pd.DataFrame) -> LinearRegression:
    """Prices as a linear function."""
    known, _ = train_test_split(houses, random_state=1)
    return LinearRegression().fit(known[FEATURES], known["price"])


@dg.asset(group_name="models")
def forest_model(houses: pd.DataFrame) -> RandomForestRegressor:
    """Prices by a forest."""
    return RandomForestRegressor(n_estimators=10).fit(houses[FEATURES], houses["price"])


train_job = dg.define_asset_job("train", selection=dg.AssetSelection.groups("models"))
ingest_job = dg.define_asset_job("ingest", selection=dg.AssetSelection.groups("houses"))


@dg.sensor(job=ingest_job)
def new_houses() -> dg.SkipReason:
    """Ingest houses when there are new ones, which there never are."""
    return dg.SkipReason("There are no new houses.")


defs = dg.Definitions(
    assets=[houses, house_table, linear_model, forest_model],
    jobs=[train_job, ingest_job],
    sensors=[new_houses],
)
