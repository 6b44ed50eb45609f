"""A code location server for Dagster."""
