"""Snapshots: files made when an image is built, and served until the code is loaded.

The format is described in ``proto/codeserver/snapshot/v1/location_snapshot.proto``.
"""
