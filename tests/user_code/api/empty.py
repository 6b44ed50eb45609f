"""A location in which nothing is defined."""

import dagster as dg

defs = dg.Definitions()
