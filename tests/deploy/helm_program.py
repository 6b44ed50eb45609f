"""Render the chart in the folder that is given with the values on standard input."""

from __future__ import annotations

import json
import sys

import helm_python


def main() -> None:
    """Write what the chart makes of the values, or why it refuses them."""
    with helm_python.Chart.load(sys.argv[1]) as chart:
        try:
            rendered = chart.render(json.load(sys.stdin), name="dagster", namespace="dagster")
            reply = {"rendered": rendered}
        except (helm_python.HelmValuesError, helm_python.HelmRenderError) as error:
            reply = {"refused": str(error)}
    json.dump(reply, sys.stdout)


if __name__ == "__main__":
    main()
