"""Explanation: the affinities of CTAL at one pixel of an image."""

from ctal.explanation.affinities import Affinities
from ctal.explanation.observation import Observation, capture_affinities, modules_of
from ctal.explanation.pixels import Pixel, checked_pixel, grid_pixel

__all__ = [
    "Affinities",
    "Observation",
    "Pixel",
    "capture_affinities",
    "checked_pixel",
    "grid_pixel",
    "modules_of",
]
