"""Notices changes of the code, and loads it again."""
