"""`ctal data check`, `show`, `stats` and `prepare`."""

from ctal.data_commands.command import check, prepare, run, show, stats

__all__ = ["check", "prepare", "run", "show", "stats"]
