"""Tasks: how the maps of a network are scored, decoded and painted."""

from ctal.tasks.base import Task
from ctal.tasks.depth import Depth
from ctal.tasks.normals import SurfaceNormals
from ctal.tasks.semseg import SemanticSegmentation

__all__ = ["Depth", "SemanticSegmentation", "SurfaceNormals", "Task"]
