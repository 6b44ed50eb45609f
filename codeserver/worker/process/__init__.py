"""The life of a worker process, from fork to end: descriptors, signals, threads, limits."""
