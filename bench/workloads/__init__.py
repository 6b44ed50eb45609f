"""What is measured; each module has a function `measure` and its `SUBJECTS`."""
