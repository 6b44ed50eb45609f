"""The gRPC server: the only package that imports grpc. It never imports Dagster or user code."""
