"""Describe the loaded definitions as dicts with the field names of `codeserver.api.v1`.

The front makes protobuf messages of them. An enum value is represented by its name, an absent field
is left out, and `{"$json": [TEXT]}` represents a `google.protobuf.Value`.
"""
