"""A small Dagster code location to try codeserver with."""
