"""The command line: options to a config, and a config to a running server."""
