"""Packages of generated code refuse the installed protobuf, as after a downgrade."""

import sys

REFUSED = ("google.rpc", "grpc_health", "grpc_reflection")


class VersionError(Exception):
    """As protobuf has it."""


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.endswith("_pb2") and name.startswith(REFUSED):
            raise VersionError(f"Detected incompatible versions of {name}. See the guarantees.")


sys.meta_path.insert(0, Refuse())
