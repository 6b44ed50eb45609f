"""How fast saved code is served, and what clients notice of it."""
