"""Clients that attack a server, in a process of their own; see `bench/workloads/attacks.py`."""
