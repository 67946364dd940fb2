"""Metrics pooled over a data set."""
