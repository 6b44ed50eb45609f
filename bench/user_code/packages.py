"""One asset of a project that imports large packages."""

import dagster as dg
import pandas
import pyarrow.parquet
import sklearn.linear_model


@dg.asset
def fitted() -> None:
    """Fit a line."""
    frame = pandas.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]})
    sklearn.linear_model.LinearRegression().fit(frame[["x"]], frame["y"])
    pyarrow.table({"x": frame["x"]})


fit_job = dg.define_asset_job("fit_job", selection=[fitted])
defs = dg.Definitions(assets=[fitted], jobs=[fit_job])
