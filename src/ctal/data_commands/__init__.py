"""`ctal data check`, `show`, `stats` and `prepare`."""

from ctal.cli.data import check, prepare, run, show, stats

__all__ = ["check", "prepare", "run", "show", "stats"]
