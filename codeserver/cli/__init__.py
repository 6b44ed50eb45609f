"""The command line: turns options into a config, and a config into a running server."""
