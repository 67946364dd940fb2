"""Task weighting: weights of the losses, or aggregation of their gradients."""

from ctal.weighting.average import DynamicWeightAverage
from ctal.weighting.base import EqualWeighting, Weighting
from ctal.weighting.choice import make_weighting
from ctal.weighting.random import RandomWeighting
from ctal.weighting.uncertainty import UncertaintyWeighting

__all__ = [
    "DynamicWeightAverage",
    "EqualWeighting",
    "RandomWeighting",
    "UncertaintyWeighting",
    "Weighting",
    "make_weighting",
]
