"""Health checks that take a few hundredths of a second of CPU time."""
