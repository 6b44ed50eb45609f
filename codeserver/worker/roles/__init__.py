"""One file for each kind of worker process."""
