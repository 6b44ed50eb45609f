"""The messages of `codeserver.api.v1`, generated from ``proto/codeserver/api/v1``.

The proto files are the documentation of the API. This package has the messages of all of them.
`code_location_pb2_grpc` has the stub for programs with a gRPC channel of their own. This package
imports neither gRPC nor Dagster, and does not conflict with the modules that Dagster generates.
"""

from codeserver.api.v1.code_location_pb2 import *
from codeserver.api.v1.definitions_pb2 import *
from codeserver.api.v1.location_pb2 import *
