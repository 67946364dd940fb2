"""Typed label maps: what a pixel holds, and what a zoom or a flip does to it.

A map is a `torchvision.tv_tensors.Mask`, so every geometric v2 transform moves it with nearest
neighbours, in step with the picture. What a transform does to the *values* is declared here: a
mirrored world has mirrored normals, a magnified picture is a nearer world.
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF
from torchvision.transforms.v2.functional import register_kernel
from torchvision.tv_tensors import Mask, wrap

UNLABELLED_CLASS = 255
"""Class id of a pixel without a label, in every map of classes."""


class Map(Mask):
    """A label map of one task.

    Attributes:
        unlabelled: the value of a pixel without a label; such a pixel counts in no loss and in no
            metric. New pixels that a transform makes (padding) get it too.
    """

    unlabelled: ClassVar[int] = 0

    def zoomed(self, factor: float) -> Self:
        """The values of this map when the camera's focal length grows by `factor`.

        Resizing the pixels is the transform's work; this changes what they say, if anything.
        """
        return self


class ClassMap(Map):
    """Class ids, (H, W) or (B, H, W), int64; 255 where unlabelled."""

    unlabelled = UNLABELLED_CLASS


class DepthMap(Map):
    """Depth along the optical axis, (1, H, W) or (B, 1, H, W), float32, metres; 0 = unlabelled."""

    def zoomed(self, factor: float) -> Self:
        """A picture magnified by `factor` is what the same camera sees that much nearer."""
        return wrap(self.as_subclass(Tensor) / factor, like=self)


class NormalMap(Map):
    """Unit normals, (3, H, W) or (B, 3, H, W), float32; (0, 0, 0) where unlabelled.

    Camera axes x right, y down, z into the scene; a normal is on the camera's side of its surface.
    """


@register_kernel(functional=TF.horizontal_flip, tv_tensor_cls=NormalMap)
def _flip_normals(normals: NormalMap) -> NormalMap:
    """Mirrors the pixels and, with them, the x axis of the camera."""
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=normals.dtype, device=normals.device)
    flipped = normals.as_subclass(Tensor).flip(-1) * mirror[:, None, None]
    return wrap(flipped, like=normals)
