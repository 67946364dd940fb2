"""Metrics over all labelled pixels of a dataset, and Delta_m.

Metrics are updated with (prediction, target) of each batch and are synchronized over processes;
shares are in 0..1.
"""

from ctal.metrics.class_scores import ClassScores
from ctal.metrics.depth import (
    AbsoluteError,
    RelativeError,
    RootMeanSquareError,
    RootMeanSquareLogError,
    WithinRatio,
)
from ctal.metrics.edges import OdsF
from ctal.metrics.gain import delta_m
from ctal.metrics.normals import MeanAngle, MedianAngle, RootMeanSquareAngle, WithinAngle
from ctal.metrics.pooled import PooledMean
from ctal.metrics.saliency import MaxF, MaxIoU
from ctal.metrics.semseg import MeanIoU, PixelAccuracy

__all__ = [
    "AbsoluteError",
    "ClassScores",
    "MaxF",
    "MaxIoU",
    "MeanAngle",
    "MeanIoU",
    "MedianAngle",
    "OdsF",
    "PixelAccuracy",
    "PooledMean",
    "RelativeError",
    "RootMeanSquareAngle",
    "RootMeanSquareError",
    "RootMeanSquareLogError",
    "WithinAngle",
    "WithinRatio",
    "delta_m",
]
