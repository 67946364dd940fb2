"""Timm models as encoder bodies: supported models, sizes and feature maps."""

from __future__ import annotations

import difflib
import functools
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import timm
import torch
from timm.models import is_model_in_modules
from torch import nn

from ctal.errors import InputError
from ctal.networks.outlines import outlined

Upsampling = Literal["bilinear", "nearest"]

STRIDES = (4, 8, 16, 32)
"""Strides of the pyramid, finest first."""


class FeatureMaps(NamedTuple):
    """Four feature maps of a timm model: a pyramid, or the outputs of four blocks of a plain ViT.

    Attributes:
        indices: indices of the maps in the model, finest or shallowest first.
        patch: patch size of a plain vision transformer in pixels, which is the stride of all its
            maps; None for a pyramid.
    """

    indices: tuple[int, ...]
    patch: int | None

    @property
    def strides(self) -> tuple[int, ...]:
        """Return the strides on the encoder's images; patch sizes are rounded to powers of two."""
        if self.patch is None:
            return STRIDES
        return (2 ** round(math.log2(self.patch)),) * len(STRIDES)

    def body_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (H, W) of the model's input for images of `size`, which gives these strides.

        A patch of 14 pixels covers 16 of the image: images of 512x512 are resized to 448x448.
        """
        if self.patch is None:
            return size
        return size[0] // self.strides[0] * self.patch, size[1] // self.strides[0] * self.patch


@functools.lru_cache  # creating a model is slow, and a network may have an encoder per task
def feature_maps(name: str) -> FeatureMaps:
    """Return the maps of a timm model at strides 4 to 32, or four maps of the same stride.

    Raises:
        InputError: timm does not have the model, or the model does not have such maps.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see timm.list_models()"
        raise InputError(f"encoder: unknown timm model {name!r}; {hint}")
    try:
        with outlined():  # only its metadata is needed
            info = create_body(name).feature_info
    except (RuntimeError, AttributeError, TypeError) as error:
        raise InputError(
            f"encoder: timm cannot extract feature maps of {name!r}: {one_line(error)}"
        ) from error
    strides, levels = info.reduction(list(range(len(info)))), len(STRIDES)
    # of several maps of the same stride, the last is the deepest
    last = {stride: index for index, stride in enumerate(strides)}
    if all(stride in last for stride in STRIDES):
        return FeatureMaps(tuple(last[stride] for stride in STRIDES), None)
    if len(last) == 1 and len(strides) >= levels:
        # evenly spaced up to the last one: blocks 3, 6, 9 and 12 of 12, as in DPT and DINOv2
        ends = (math.ceil(len(strides) * level / levels) for level in range(1, levels + 1))
        return FeatureMaps(tuple(end - 1 for end in ends), strides[0])
    raise InputError(
        f"encoder: expected a timm model with feature maps at strides {STRIDES}, or with all maps "
        f"at one stride, got {name!r} with {tuple(last)}; use a pyramid such as a ResNet, "
        "HRNet or Swin, or a plain ViT"
    )


def body_options(name: str, size: tuple[int, int]) -> dict[str, Any]:
    """Return the options of `timm.create_model` for the four maps of images of `size`.

    Args:
        name: name of a timm model.
        size: (H, W) of the encoder's images.

    Raises:
        InputError: as `feature_maps`, or the model does not support the size.
    """
    _check_size(name, size)
    return _options(name, size)


def _options(name: str, size: tuple[int, int]) -> dict[str, Any]:
    maps, config = feature_maps(name), timm.get_pretrained_cfg(name)
    options: dict[str, Any] = {"out_indices": maps.indices}
    if config is not None and config.fixed_input_size:
        # such as Swin, whose windows depend on it, and ViTs, whose position embeddings do
        options["img_size"] = maps.body_size(size)
    return options


def create_body(name: str, **options: Any) -> Any:
    """Create a timm model that returns feature maps."""
    if is_hrnet(name):
        # only HRNet has two sets of features; "" selects the branches of its last stage
        options["feature_location"] = ""
    return timm.create_model(name, features_only=True, **options)


def model_name(name: str) -> str:
    """Return the name of a timm model without the tag of its weights (`resnet18.a1_in1k`)."""
    return name.partition(".")[0]


def is_hrnet(name: str) -> bool:
    """Return whether a timm model is an HRNet."""
    return is_model_in_modules(name, ["hrnet"])


def set_upsampling(body: nn.Module, mode: Upsampling) -> None:
    """Set how an HRNet upsamples a branch before it is added to a finer one, in place."""
    for module in body.modules():
        if isinstance(module, nn.Upsample):
            module.mode = mode
            module.align_corners = False if mode == "bilinear" else None


@functools.lru_cache
def names_of_sized(name: str, size: tuple[int, int]) -> frozenset[str]:
    """Return the names of weights whose shape differs for images of twice the `size`."""
    shapes = []
    for picture in (size, (2 * size[0], 2 * size[1])):
        options = _options(name, picture)
        with outlined():
            state = create_body(name, **options).state_dict()
        shapes.append({(key, value.shape) for key, value in state.items()})
    return frozenset(key for key, _ in shapes[0] ^ shapes[1])


def gives_channels_last(body: Any) -> bool:
    """Return whether the maps of a body are (B, H, W, C) instead of (B, C, H, W)."""
    return "NHWC" in str(getattr(body, "output_fmt", ""))


@functools.lru_cache
def _check_size(name: str, size: tuple[int, int]) -> None:
    """Run the model on the meta device, a cheap check that it supports a size.

    Raises:
        InputError: it fails, or the sizes of its maps do not match their strides.
    """
    maps = feature_maps(name)
    expected = [(size[0] // stride, size[1] // stride) for stride in maps.strides]
    try:
        with outlined(), torch.no_grad():
            body = create_body(name, **_options(name, size)).eval()
            scales = body(torch.zeros(1, 3, *maps.body_size(size)))
        rows = slice(1, 3) if gives_channels_last(body) else slice(2, 4)
        found = [tuple(x.shape[rows]) for x in scales]
        reason = f"expected maps of {_listed(expected)}, got {_listed(found)}"
    except Exception as error:  # models raise different types for an unsupported size
        found, reason = [], one_line(error)
    if found != expected:
        raise InputError(
            f"image_size: the encoder {name!r} does not support images of {_listed([size])}: "
            f"{reason}; use another size{own_size(name)} or another encoder"
        )


def own_size(name: str) -> str:
    """Return a hint on the input size that the model was designed for, if timm has it."""
    config = timm.get_pretrained_cfg(name)
    return f" (it was designed for {_listed([config.input_size[1:]])})" if config else ""


def one_line(error: Exception) -> str:
    """Return the message of an exception of timm as one line."""
    return textwrap.shorten(str(error), 200) or type(error).__name__


def _listed(sizes: Iterable[Sequence[int]]) -> str:
    return ", ".join("x".join(map(str, size)) for size in sizes)
