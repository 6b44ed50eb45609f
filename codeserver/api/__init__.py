"""The typed API of a code location, as Python modules with the names of its protobuf packages."""
