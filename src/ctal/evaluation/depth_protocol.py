"""How benchmarks of depth choose pixels and scale predictions before they compute errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.maps.labelled import labelled_depth


class Crop(Enum):
    """The part of an image that is scored: (top, bottom, left, right) as shares of its sides.

    A side is the integer part of share x pixels, as in the evaluation code that results in the
    literature were computed with.

    Attributes:
        eigen: KITTI, for Eigen, Puhrsch and Fergus, "Depth Map Prediction from a Single Image using
            a Multi-Scale Deep Network", NeurIPS 2014; found by trial by Godard, Mac Aodha and
            Brostow for "Unsupervised Monocular Depth Estimation with Left-Right Consistency",
            CVPR 2017, in whose `evaluate_kitti.py` the numbers are.
        garg: KITTI, for Garg et al., "Unsupervised CNN for Single View Depth Estimation: Geometry
            to the Rescue", ECCV 2016; the numbers are in the same file. On an image of 375x1242:
            rows 153 to 370, columns 44 to 1196. This is the usual crop of the Eigen split.
        nyuv2: NYUv2, the "Eigen crop": rows 45 to 470 and columns 41 to 600 of 480x640, the part
            with valid depth after the projection of the Kinect's depth, as in `eval_with_pngs.py`
            of Lee et al., "From Big to Small", 2019.
    """

    eigen = (0.3324324, 0.91351351, 0.0359477, 0.96405229)
    garg = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
    nyuv2 = (45 / 480, 471 / 480, 41 / 640, 601 / 640)

    def box(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of an image of this size."""
        top, bottom, left, right = self.value
        rows = slice(int(top * height), int(bottom * height))
        return rows, slice(int(left * width), int(right * width))


@dataclass(frozen=True)
class DepthProtocol:
    """Choice of pixels and scaling of predictions for depth in meters; by default all as they are.

    Args:
        min_depth: Pixels whose true depth is not above this many meters do not count; predictions
            below it are set to it. Usual: 0.001.
        max_depth: Pixels whose true depth is not below this many meters do not count; predictions
            above it are set to it. Usual: 80 for KITTI, 10 for NYUv2.
        crop: Only pixels in this part of the image count.
        median_scaling: Multiply the prediction of each image by median(truth) / median(prediction)
            over the pixels that count, before predictions are limited. For networks that predict
            depth up to a factor (Zhou et al., "Unsupervised Learning of Depth and Ego-Motion from
            Video", CVPR 2017); scores of metric depth with it do not show errors of scale.

    Raises:
        InputError: The limits are not numbers 0 < min_depth < max_depth.
    """

    min_depth: float | None = None
    max_depth: float | None = None
    crop: Crop | None = None
    median_scaling: bool = False

    def __post_init__(self) -> None:
        """Check the limits."""
        low, high = self.min_depth, self.max_depth
        for key, value in (("min_depth", low), ("max_depth", high)):
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{key}: expected a number of meters > 0, got {value}")
        if low is not None and high is not None and low >= high:
            raise InputError(f"min_depth: expected less than max_depth, {high}, got {low}")

    @property
    def is_plain(self) -> bool:
        """Whether all pixels count and predictions stay as they are."""
        return self == DepthProtocol()

    def title(self) -> str:
        """Return the protocol in words; empty for the plain one."""
        parts = []
        if self._is_limited:
            low = 0 if self.min_depth is None else self.min_depth
            parts.append(
                f"above {low:g} m" if self.max_depth is None else f"{low:g} to {self.max_depth:g} m"
            )
        parts += [f"crop {self.crop.name}"] if self.crop else []
        parts += ["median scaling"] if self.median_scaling else []
        return ", ".join(parts)

    def apply(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prediction and target to compute errors from, both (B, 1, H, W) in meters.

        Args:
            prediction: Depths > 0.
            target: 0 where unlabelled; pixels that do not count become 0.
        """
        if self.is_plain:
            return prediction, target
        target = torch.where(self._counts(target)[:, None], target, 0.0).as_subclass(Tensor)
        if self.median_scaling:
            pairs = zip(prediction, target, strict=True)
            prediction = torch.stack([_scaled(one, truth) for one, truth in pairs])
        if self._is_limited:
            prediction = prediction.clamp(self.min_depth, self.max_depth)
        return prediction, target

    @property
    def _is_limited(self) -> bool:
        return self.min_depth is not None or self.max_depth is not None

    def _counts(self, target: Tensor) -> Tensor:
        """Return the pixels that count, (B, H, W)."""
        depth = target.as_subclass(Tensor).squeeze(1)
        known = labelled_depth(target.as_subclass(Tensor))
        if self.min_depth is not None:
            known = known & (depth > self.min_depth)
        if self.max_depth is not None:
            known = known & (depth < self.max_depth)
        if self.crop is not None:
            inside = torch.zeros_like(known)
            rows, columns = self.crop.box(*known.shape[-2:])
            inside[:, rows, columns] = True
            known = known & inside
        return known


def _scaled(prediction: Tensor, target: Tensor) -> Tensor:
    """Return one prediction with the median of the target, over labelled pixels."""
    known = target > 0
    if not known.any():
        return prediction
    return prediction * (_median(target[known]) / _median(prediction[known]))


def _median(values: Tensor) -> Tensor:
    """Return the median as numpy does: for an even number, the mean of the middle two."""
    ordered = values.sort().values  # torch.median returns the lower one of the two
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return (middle[0] + middle[1]) / 2
