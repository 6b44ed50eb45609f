"""The messages of `codeserver.snapshot.v1`, generated from ``proto/codeserver/snapshot/v1``."""

from codeserver.snapshot.v1.location_snapshot_pb2 import *
