"""The roles of callers, by name, in order: each includes those before it."""

ROLES = ("read", "evaluate", "operate")
