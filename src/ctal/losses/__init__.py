"""Losses that a task may have in place of its default: its argument `criterion`."""

from ctal.losses.base import ClassLoss, DepthLoss
from ctal.losses.cross_entropy import CrossEntropy
from ctal.losses.depth import L1, BerHu, GradientMatching, ScaleInvariantLog
from ctal.losses.dice import Dice
from ctal.losses.focal import Focal
from ctal.losses.sums import ClassLossSum, DepthLossSum

__all__ = [
    "L1",
    "BerHu",
    "ClassLoss",
    "ClassLossSum",
    "CrossEntropy",
    "DepthLoss",
    "DepthLossSum",
    "Dice",
    "Focal",
    "GradientMatching",
    "ScaleInvariantLog",
]
