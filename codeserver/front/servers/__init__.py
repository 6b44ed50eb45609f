"""The gRPC servers: of one location, and of several with a place for each."""
