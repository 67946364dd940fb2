"""Fixtures of this package's tests."""

from tests.fixtures.export import graph, network

__all__ = ["graph", "network"]
