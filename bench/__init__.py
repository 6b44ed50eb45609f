"""Measurements of codeserver beside Dagster's own code servers."""
