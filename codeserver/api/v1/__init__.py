"""The messages of `codeserver.api.v1`, generated from ``proto/codeserver/api/v1``.

The proto files are the documentation of the API. The messages of all of them can be had from here;
`code_location_pb2_grpc` has the stub for programs that bring a gRPC channel of their own. Importing
this package imports neither gRPC nor Dagster, and it can be in one process with the modules that
Dagster generates.
"""

from codeserver.api.v1.code_location_pb2 import *
from codeserver.api.v1.definitions_pb2 import *
from codeserver.api.v1.location_pb2 import *
