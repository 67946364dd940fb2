"""Label map types: the values of a pixel, and their change under a zoom.

A map is a `torchvision.tv_tensors.Mask`, so every geometric v2 transform moves it together with the
image, by nearest neighbor. `ctal.maps.kernels` has the transforms that change values.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Mask, wrap

from ctal.errors import InputError

UNLABELLED_CLASS = 255
"""Class id of a pixel without a label, in every class map."""


class Map(Mask):
    """A label map of one task.

    Attributes:
        unlabelled: Value of a pixel without a label; losses and metrics ignore such pixels. New
            pixels of a transform (padding) have this value too. May be NaN.
        leading: Dimensions of one map before H and W.
        value_type: Data type.
        directed: Whether the values are directions, or components of one, which a flip mirrors.
            None: yes if a pixel has several values. Such a type requires a kernel for flips, as
            `ctal.maps.kernels` registers for `NormalMap`; without it, flips are refused.
    """

    unlabelled: ClassVar[int] = 0
    leading: ClassVar[tuple[int, ...]]
    value_type: ClassVar[torch.dtype] = torch.float32
    directed: ClassVar[bool | None] = None

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Convert an array whose values are in the task's unit.

        Args:
            array: (H, W), or with a channel axis of length 1 first or last.

        Raises:
            InputError: The array has another shape.
        """
        if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
            array = array.squeeze(0 if array.shape[0] == 1 else 2)
        if array.ndim != 2:
            raise InputError(f"expected one value per pixel, (H, W), got the shape {array.shape}")
        values = torch.from_numpy(np.ascontiguousarray(array.astype(np.float64)))
        return cls(values.to(cls.value_type).reshape(*cls.leading, *array.shape))

    @classmethod
    def blank(cls, height: int, width: int) -> Self:
        """Return a map of unlabelled pixels."""
        shape = (*cls.leading, height, width)
        return cls(torch.full(shape, cls.unlabelled, dtype=cls.value_type))

    def zoomed(self, factor: float) -> Self:
        """Return this map with its values for a focal length that is `factor` times as long.

        The transform resizes the pixels; this method changes their values, if required.
        """
        return self


class ClassMap(Map):
    """Class ids, (H, W) or (B, H, W), int64; 255 where unlabelled."""

    unlabelled = UNLABELLED_CLASS
    leading = ()
    value_type = torch.int64

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Return the class ids of an array (H, W).

        Raises:
            InputError: The array has another shape, or a value that is not an integer.
        """
        if not np.equal(np.mod(array, 1), 0).all():  # also catches NaN and infinity
            raise InputError("expected class ids, got values that are not integers")
        return super().from_array(array)


class EdgeMap(ClassMap):
    """1 on an edge, 0 elsewhere, (H, W) or (B, H, W), int64; 255 where unlabelled.

    Edges are thin lines. Nearest-neighbor resizing would lose half of them at half the size, so a
    pixel of a smaller map is an edge if one of its source pixels is.
    """


class DepthMap(Map):
    """Depth along the optical axis, (1, H, W) or (B, 1, H, W), float32, meters; 0 = unlabelled."""

    leading = (1,)

    def zoomed(self, factor: float) -> Self:
        """Divide the depth: a magnified image shows a nearer scene."""
        return wrap(self.as_subclass(Tensor) / factor, like=self)


class InverseDepthMap(Map):
    """1 / depth up to a factor, (1, H, W) or (B, 1, H, W), float32; 0 = unlabelled.

    An example is disparity: focal length x baseline / depth.
    """

    leading = (1,)

    def zoomed(self, factor: float) -> Self:
        """Multiply the inverse depth: a magnified image shows a nearer scene."""
        return wrap(self.as_subclass(Tensor) * factor, like=self)


class NormalMap(Map):
    """Unit normals, (3, H, W) or (B, 3, H, W), float32; (0, 0, 0) where unlabelled.

    Camera axes x right, y down, z into the scene; a normal is on the camera's side of its surface.
    """

    leading = (3,)

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Convert an array (H, W, 3) of normals.

        Raises:
            InputError: The array has another shape.
        """
        if array.ndim != 3 or array.shape[2] != 3:
            raise InputError(f"expected a vector per pixel, (H, W, 3), got the shape {array.shape}")
        vectors = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
        return cls(torch.from_numpy(vectors))
