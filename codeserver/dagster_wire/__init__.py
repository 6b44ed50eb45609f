"""The messages of Dagster's gRPC protocol, generated from ``proto/codeserver/dagster``.

The proto file is the documentation of the protocol. ``dagster_api_pb2`` has its messages only; the
front makes its handlers from ``DESCRIPTOR.services_by_name["DagsterApi"]``. The module keeps its
descriptors to itself, so it can be imported in one process with the module that Dagster generates.
"""
