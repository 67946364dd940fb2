"""Tasks: how the maps of a network are scored, decoded and painted."""

from ctal.tasks.base import Task

__all__ = ["Task"]
