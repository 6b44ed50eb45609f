"""The workloads; each module has a function `measure` and its `SUBJECTS`."""
