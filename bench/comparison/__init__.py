"""Everything that is measured beside stock Dagster's two servers."""
