"""Transforms of label maps: kernels of torchvision's v2 transforms.

They define how a transform changes the values: a mirrored scene has mirrored normals, and new
pixels are unlabelled. Rotations and the like are refused, since they would require new values.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TF
from torchvision.transforms.v2.functional import register_kernel
from torchvision.tv_tensors import wrap

from ctal.errors import InputError
from ctal.maps.types import EdgeMap, Map, NormalMap


@register_kernel(functional=TF.horizontal_flip, tv_tensor_cls=Map)
def _flip_map(maps: Map) -> Map:
    """Mirror the pixels of a map without changing its values."""
    return _flipped(maps, -1)


@register_kernel(functional=TF.vertical_flip, tv_tensor_cls=Map)
def _flip_map_vertically(maps: Map) -> Map:
    """Mirror the pixels of a map without changing its values."""
    return _flipped(maps, -2)


def _flipped(maps: Map, dim: int) -> Map:
    kind = type(maps)
    if kind.directed or (kind.directed is None and math.prod(kind.leading) > 1):
        raise InputError(
            f"augmentation: expected a kernel for flips of {kind.__name__}, whose values have a "
            "direction, got none; register one for torchvision's horizontal_flip and "
            f"vertical_flip, or set {kind.__name__}.directed = False"
        )
    return wrap(maps.as_subclass(Tensor).flip(dim), like=maps)


def _mirrored(normals: NormalMap, dim: int, axis: int) -> NormalMap:
    flipped = normals.as_subclass(Tensor).flip(dim)  # a copy
    flipped[..., axis, :, :].neg_()
    return wrap(flipped, like=normals)


@register_kernel(functional=TF.horizontal_flip, tv_tensor_cls=NormalMap)
def _flip_normals(normals: NormalMap) -> NormalMap:
    """Mirror the pixels and the x component."""
    return _mirrored(normals, -1, 0)


@register_kernel(functional=TF.vertical_flip, tv_tensor_cls=NormalMap)
def _flip_normals_vertically(normals: NormalMap) -> NormalMap:
    """Mirror the pixels and the y component."""
    return _mirrored(normals, -2, 1)


@register_kernel(functional=TF.resize, tv_tensor_cls=Map)
def _resize_map(maps: Map, size: list[int] | None, *args: Any, **kwargs: Any) -> Map:
    """Resize with the nearest pixel of each new center; the default of masks is half a pixel off.

    The values are unchanged, since the camera's field of view is.
    """
    pixels = maps.as_subclass(Tensor)
    flat = pixels.reshape(1, -1, *pixels.shape[-2:])  # the kernel does not support (H, W)
    resized = TF.resize_image(flat, size, interpolation=InterpolationMode.NEAREST_EXACT)
    return wrap(resized.reshape(*pixels.shape[:-2], *resized.shape[-2:]), like=maps)


@register_kernel(functional=TF.resize, tv_tensor_cls=EdgeMap)
def _resize_edges(edges: EdgeMap, size: list[int] | None, *args: Any, **kwargs: Any) -> EdgeMap:
    """Resize like any map, and mark the new pixels that contain the center of an edge pixel."""
    resized = _resize_map(edges, size).as_subclass(Tensor).clone()
    places = torch.eq(edges, 1).nonzero()
    for dim in (-2, -1):
        places[:, dim] = (2 * places[:, dim] + 1) * resized.shape[dim] // (2 * edges.shape[dim])
    resized[tuple(places.T)] = 1
    return wrap(resized, like=edges)


@register_kernel(functional=TF.pad, tv_tensor_cls=Map)
def _pad_map(maps: Map, padding: list[int], *args: Any, **kwargs: Any) -> Map:
    """Pad with unlabelled pixels, regardless of the fill value of the image."""
    padded = TF.pad_mask(maps.as_subclass(Tensor), padding, fill=maps.unlabelled)
    return wrap(padded, like=maps)


@register_kernel(functional=TF.crop, tv_tensor_cls=Map)
def _crop_map(maps: Map, top: int, left: int, height: int, width: int) -> Map:
    """Crop; pixels outside the map are unlabelled."""
    below, right = top + height - maps.shape[-2], left + width - maps.shape[-1]
    padded = _pad_map(maps, [max(0, edge) for edge in (-left, -top, right, below)])
    rows, columns = max(0, top), max(0, left)
    return wrap(padded[..., rows : rows + height, columns : columns + width], like=maps)


@register_kernel(functional=TF.center_crop, tv_tensor_cls=Map)
def _center_crop_map(maps: Map, output_size: list[int]) -> Map:
    """Crop at the center; torchvision would fill pixels outside the map with 0, a class."""
    values = maps.as_subclass(Tensor)
    inside = torch.ones_like(values, dtype=torch.bool)
    cropped, inside = (TF.center_crop_mask(value, output_size) for value in (values, inside))
    return wrap(torch.where(inside, cropped, maps.unlabelled), like=maps)


def _refuse(maps: Map, *args: Any, **kwargs: Any) -> Map:
    raise InputError(
        "augmentation: rotation, affine, perspective, elastic and resized-crop transforms would "
        "produce wrong depths or normals; use RandomHorizontalFlip or ctal.data.RandomZoomCrop"
    )


# without a kernel, these would move the pixels and silently keep wrong values
for _functional in (TF.rotate, TF.affine, TF.perspective, TF.elastic, TF.resized_crop):
    register_kernel(functional=_functional, tv_tensor_cls=Map)(_refuse)
