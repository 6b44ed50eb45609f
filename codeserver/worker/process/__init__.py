"""Fork a process, and bring it to its end: descriptors, signals, threads, limits."""
