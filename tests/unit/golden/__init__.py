"""Drawings as they should be. With UPDATE_GOLDEN=1, the tests write them anew."""
