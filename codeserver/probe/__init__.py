"""Health checks in a few hundredths of a second of CPU time."""
