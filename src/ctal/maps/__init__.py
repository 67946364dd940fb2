"""Typed label maps: the values of a pixel, and their change under a zoom or a flip."""

from ctal.maps import kernels as _kernels  # noqa: F401 - registers the transforms of the types
from ctal.maps.types import (
    UNLABELLED_CLASS,
    ClassMap,
    DepthMap,
    EdgeMap,
    InverseDepthMap,
    Map,
    NormalMap,
)

__all__ = [
    "UNLABELLED_CLASS",
    "ClassMap",
    "DepthMap",
    "EdgeMap",
    "InverseDepthMap",
    "Map",
    "NormalMap",
]
