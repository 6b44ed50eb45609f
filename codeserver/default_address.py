"""The address of a server when no other is given. Pure.

Probes import it, so it imports nothing.
"""

HOST, PORT = "127.0.0.1", 4000
ADDRESS = f"{HOST}:{PORT}"

VARIABLE = "CODESERVER_ADDRESS"
"""The variable that gives commands another one."""

TLS = "tls://"
"""Begins an address whose server speaks TLS."""
