"""Losses that a task may have in place of its default: its argument `criterion`."""

from ctal.losses.base import BinaryLoss, ClassLoss, Criterion, DepthLoss, NormalLoss
from ctal.losses.binary import BinaryCrossEntropy, BinaryDice, BinaryFocal
from ctal.losses.cross_entropy import CrossEntropy
from ctal.losses.depth import L1, BerHu, GradientMatching, ScaleInvariantLog
from ctal.losses.dice import Dice
from ctal.losses.focal import Focal
from ctal.losses.normals import Angular, Cosine, VectorL1
from ctal.losses.sums import BinaryLossSum, ClassLossSum, DepthLossSum, NormalLossSum

__all__ = [
    "L1",
    "Angular",
    "BerHu",
    "BinaryCrossEntropy",
    "BinaryDice",
    "BinaryFocal",
    "BinaryLoss",
    "BinaryLossSum",
    "ClassLoss",
    "ClassLossSum",
    "Cosine",
    "Criterion",
    "CrossEntropy",
    "DepthLoss",
    "DepthLossSum",
    "Dice",
    "Focal",
    "GradientMatching",
    "NormalLoss",
    "NormalLossSum",
    "ScaleInvariantLog",
    "VectorL1",
]
