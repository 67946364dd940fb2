"""Data sets, label maps and transforms."""
