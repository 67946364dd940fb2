"""Typed label maps: what a pixel holds, and what a zoom or a flip does to it.

A map is a `torchvision.tv_tensors.Mask`, so every geometric v2 transform moves it with nearest
neighbours, in step with the picture. What a transform does to the *values* is declared here: a
mirrored world has mirrored normals, a magnified picture is a nearer world.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TF
from torchvision.transforms.v2.functional import register_kernel
from torchvision.tv_tensors import Mask, wrap

from ctal.errors import InputError

UNLABELLED_CLASS = 255
"""Class id of a pixel without a label, in every map of classes."""


class Map(Mask):
    """A label map of one task.

    Attributes:
        unlabelled: the value of a pixel without a label; such a pixel counts in no loss and in no
            metric. New pixels that a transform makes (padding) get it too.
        leading: the shape of one map before its H and W.
        value_type: the type of its numbers.
    """

    unlabelled: ClassVar[int] = 0
    leading: ClassVar[tuple[int, ...]]
    value_type: ClassVar[torch.dtype] = torch.float32

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """The map that an array of a file holds, its values already in the task's unit.

        Args:
            array: (H, W), with a channel axis of length 1 first or last if need be.

        Raises:
            InputError: another shape.
        """
        if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
            array = array.squeeze(0 if array.shape[0] == 1 else 2)
        if array.ndim != 2:
            raise InputError(f"expected one value per pixel, (H, W), got the shape {array.shape}")
        values = torch.from_numpy(np.ascontiguousarray(array.astype(np.float64)))
        return cls(values.to(cls.value_type).reshape(*cls.leading, *array.shape))

    @classmethod
    def blank(cls, height: int, width: int) -> Self:
        """A map without one label."""
        shape = (*cls.leading, height, width)
        return cls(torch.full(shape, cls.unlabelled, dtype=cls.value_type))

    def zoomed(self, factor: float) -> Self:
        """The values of this map when the camera's focal length grows by `factor`.

        Resizing the pixels is the transform's work; this changes what they say, if anything.
        """
        return self


class ClassMap(Map):
    """Class ids, (H, W) or (B, H, W), int64; 255 where unlabelled."""

    unlabelled = UNLABELLED_CLASS
    leading = ()
    value_type = torch.int64

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Class ids of an array (H, W).

        Raises:
            InputError: another shape, or a value that is no whole number.
        """
        if not np.equal(np.mod(array, 1), 0).all():  # NaN and infinity are not equal to 0 either
            raise InputError("expected class ids, got values that are not whole numbers")
        return super().from_array(array)


class EdgeMap(ClassMap):
    """1 on an edge, 0 elsewhere, (H, W) or (B, H, W), int64; 255 where unlabelled.

    Edges are thin lines. Every second row would leave nothing of half of them, so a smaller map has
    an edge wherever one of the pixels that it stands for has.
    """


class DepthMap(Map):
    """Depth along the optical axis, (1, H, W) or (B, 1, H, W), float32, metres; 0 = unlabelled."""

    leading = (1,)

    def zoomed(self, factor: float) -> Self:
        """A picture magnified by `factor` is what the same camera sees that much nearer."""
        return wrap(self.as_subclass(Tensor) / factor, like=self)


class InverseDepthMap(Map):
    """1 / depth up to a factor, (1, H, W) or (B, 1, H, W), float32; 0 = unlabelled.

    Disparity is one: focal length x baseline / depth.
    """

    leading = (1,)

    def zoomed(self, factor: float) -> Self:
        """What is seen that much nearer has an inverse depth that much larger."""
        return wrap(self.as_subclass(Tensor) * factor, like=self)


class NormalMap(Map):
    """Unit normals, (3, H, W) or (B, 3, H, W), float32; (0, 0, 0) where unlabelled.

    Camera axes x right, y down, z into the scene; a normal is on the camera's side of its surface.
    """

    leading = (3,)

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Self:
        """Normals of an array (H, W, 3).

        Raises:
            InputError: another shape.
        """
        if array.ndim != 3 or array.shape[2] != 3:
            raise InputError(f"expected a vector per pixel, (H, W, 3), got the shape {array.shape}")
        vectors = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
        return cls(torch.from_numpy(vectors))


def _mirrored(normals: NormalMap, dim: int, axis: int) -> NormalMap:
    flipped = normals.as_subclass(Tensor).flip(dim)  # a copy
    flipped[..., axis, :, :].neg_()
    return wrap(flipped, like=normals)


@register_kernel(functional=TF.horizontal_flip, tv_tensor_cls=NormalMap)
def _flip_normals(normals: NormalMap) -> NormalMap:
    """Mirrors the pixels and, with them, the x axis of the camera."""
    return _mirrored(normals, -1, 0)


@register_kernel(functional=TF.vertical_flip, tv_tensor_cls=NormalMap)
def _flip_normals_vertically(normals: NormalMap) -> NormalMap:
    """Mirrors the pixels and, with them, the y axis of the camera."""
    return _mirrored(normals, -2, 1)


@register_kernel(functional=TF.resize, tv_tensor_cls=Map)
def _resize_map(maps: Map, size: list[int] | None, *args: Any, **kwargs: Any) -> Map:
    """Takes the pixel nearest to each new centre; the default for masks is half a pixel off.

    The values stay: the camera's field of view, and so what it sees, is the same.
    """
    pixels = maps.as_subclass(Tensor)
    flat = pixels.reshape(1, -1, *pixels.shape[-2:])  # the kernel takes no (H, W) of class ids
    resized = TF.resize_image(flat, size, interpolation=InterpolationMode.NEAREST_EXACT)
    return wrap(resized.reshape(*pixels.shape[:-2], *resized.shape[-2:]), like=maps)


@register_kernel(functional=TF.resize, tv_tensor_cls=EdgeMap)
def _resize_edges(edges: EdgeMap, size: list[int] | None, *args: Any, **kwargs: Any) -> EdgeMap:
    """As any map, and the new pixels that the centres of old edge pixels lie in are edges too."""
    resized = _resize_map(edges, size).as_subclass(Tensor).clone()
    places = torch.eq(edges, 1).nonzero()
    for dim in (-2, -1):
        places[:, dim] = (2 * places[:, dim] + 1) * resized.shape[dim] // (2 * edges.shape[dim])
    resized[tuple(places.T)] = 1
    return wrap(resized, like=edges)


@register_kernel(functional=TF.pad, tv_tensor_cls=Map)
def _pad_map(maps: Map, padding: list[int], *args: Any, **kwargs: Any) -> Map:
    """New pixels have no label, whatever the picture is filled with."""
    padded = TF.pad_mask(maps.as_subclass(Tensor), padding, fill=maps.unlabelled)
    return wrap(padded, like=maps)


@register_kernel(functional=TF.crop, tv_tensor_cls=Map)
def _crop_map(maps: Map, top: int, left: int, height: int, width: int) -> Map:
    """What a crop takes from beyond the edges has no label."""
    below, right = top + height - maps.shape[-2], left + width - maps.shape[-1]
    padded = _pad_map(maps, [max(0, edge) for edge in (-left, -top, right, below)])
    rows, columns = max(0, top), max(0, left)
    return wrap(padded[..., rows : rows + height, columns : columns + width], like=maps)


@register_kernel(functional=TF.center_crop, tv_tensor_cls=Map)
def _center_crop_map(maps: Map, output_size: list[int]) -> Map:
    """Torchvision fills what lies beyond the edges with 0, which is a class."""
    shifted = maps.as_subclass(Tensor) - maps.unlabelled
    return wrap(TF.center_crop_mask(shifted, output_size) + maps.unlabelled, like=maps)


def _refuse(maps: Map, *args: Any, **kwargs: Any) -> Map:
    raise InputError(
        "augmentation: rotation, affine, perspective, elastic and resized-crop transforms would "
        "leave wrong depths or normals; use RandomHorizontalFlip or ctal.data.RandomZoomCrop"
    )


# Without a kernel of their own these would move the pixels and keep the values, silently wrong.
for _functional in (TF.rotate, TF.affine, TF.perspective, TF.elastic, TF.resized_crop):
    register_kernel(functional=_functional, tv_tensor_cls=Map)(_refuse)
