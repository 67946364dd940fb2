"""Tasks: losses, decoding, metrics and visualization of a network's maps."""

from ctal.tasks.base import Task
from ctal.tasks.depth import Depth
from ctal.tasks.edges import Edges
from ctal.tasks.human_parts import HumanParts
from ctal.tasks.inverse_depth import InverseDepth
from ctal.tasks.normals import SurfaceNormals
from ctal.tasks.saliency import Saliency
from ctal.tasks.semseg import SemanticSegmentation

__all__ = [
    "Depth",
    "Edges",
    "HumanParts",
    "InverseDepth",
    "Saliency",
    "SemanticSegmentation",
    "SurfaceNormals",
    "Task",
]
