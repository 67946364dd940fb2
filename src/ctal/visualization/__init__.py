"""Visualization: panels of maps and text tables."""
