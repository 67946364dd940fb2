"""Benchmarks: each prints a table; docs/performance.md keeps them."""
