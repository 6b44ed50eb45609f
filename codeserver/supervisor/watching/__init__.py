"""Notices that the code has changed, and has it loaded again."""
