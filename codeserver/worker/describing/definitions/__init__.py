"""Definitions of a repository, one file for each kind, and the facts that several kinds have."""
