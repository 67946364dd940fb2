"""Benchmarks that print the tables of docs/performance.md and docs/results.md."""
