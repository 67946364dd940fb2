"""Looking inside CTAL: what one pixel of a picture gets from which pixels of which tasks."""

from ctal.explanation.affinities import Affinities
from ctal.explanation.observation import Observation, modules_of, observing
from ctal.explanation.pixels import Pixel, checked_pixel, grid_pixel

__all__ = [
    "Affinities",
    "Observation",
    "Pixel",
    "checked_pixel",
    "grid_pixel",
    "modules_of",
    "observing",
]
