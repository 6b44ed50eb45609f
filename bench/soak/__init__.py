"""A soak: mixed load, faults, reloads and kills for minutes, and a check that nothing is lost."""
