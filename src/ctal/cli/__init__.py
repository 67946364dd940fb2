"""The command line."""

from ctal.cli.main import main

__all__ = ["main"]
