"""The messages of gRPC's standard health checks, generated from ``proto/grpc/health``.

The package that gRPC publishes for it cannot be imported beside an older protobuf than the one that
its release was generated for. Probes need an answer all the same. ``health_pb2`` keeps its
descriptors to itself, so it can be imported in one process with gRPC's own.
"""
