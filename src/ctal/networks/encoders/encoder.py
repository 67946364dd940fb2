"""Any timm encoder as a pyramid of four scales, with its own normalisation inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.encoders.bodies import (
    STRIDES,
    Upsampling,
    body_options,
    create_body,
    feature_maps,
    gives_channels_last,
    is_hrnet,
    names_of_sized,
    set_upsampling,
)
from ctal.networks.encoders.neck import PyramidNeck
from ctal.networks.encoders.pretrained import create_pretrained
from ctal.networks.resizing import as_size, shared_copy

__all__ = ["STRIDES", "Encoder", "Upsampling"]


class Encoder(nn.Module):
    """Features of a picture at strides 4, 8, 16 and 32, or at 32 alone, channels first.

    Pictures come in 0..1: the mean and standard deviation that the encoder was trained with are
    part of it (and of every saved network).

    A plain vision transformer (`vit_*`, DINOv2, DINOv3, EVA-02, ...) has maps of one stride: those
    of four blocks, spread evenly over its depth, become the pyramid by a `PyramidNeck`, whose
    weights are random at first. A patch of 14 pixels stands for 16 of the picture, which the
    transformer gets in 14/16 of its size; so every encoder takes the same sizes.

    Args:
        name: name of a timm model with a feature pyramid, or of a plain vision transformer;
            docs/encoders.md lists the families. HRNet gives its four branches, as in the papers of
            this field, not the wider maps of its classification head.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True fetches timm's weights from the model hub, a path reads them from a local
            file (.safetensors, or a .pth of plain tensors; pickled code in it is refused), False
            starts from random weights. Position embeddings of another size are resampled by timm.
        last_stage: give the coarsest scale alone; a `PyramidNeck` then has no others, whose weights
            would never get a gradient.
        upsampling: interpolation between the branches of an HRNet: "bilinear" (corners not
            aligned) as in the papers of this field, or "nearest" as in timm. Other encoders ignore
            it.

    Attributes:
        out_channels: channels of the scales, finest first.
        size: the `image_size`.
        upsampling: "bilinear" or "nearest" for an HRNet, None for other encoders.

    Raises:
        InputError: `upsampling` is another word; timm has no such model; the model has neither such
            a pyramid nor maps of one stride, or does not support this size; the file is missing or
            has the weights of another model; the hub cannot be reached.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        *,
        image_size: int | Sequence[int],
        pretrained: bool | str = False,
        last_stage: bool = False,
        upsampling: Upsampling = "bilinear",
    ) -> None:
        super().__init__()
        self.name = name
        self.size = as_size(image_size)
        _check_divisible(self.size)
        self._maps = feature_maps(name)
        self.body = create_pretrained(name, self.size, pretrained)
        self._kept = slice(-1 if last_stage else 0, None)
        channels: list[int] = self.body.feature_info.channels()[self._kept]
        strides, wanted = self._maps.strides[self._kept], list(STRIDES)[self._kept]
        flat = self._maps.patch is not None
        self.neck = PyramidNeck(channels, strides, wanted) if flat else None
        self.out_channels = self.neck.out_channels if self.neck else channels
        self._channels_last = gives_channels_last(self.body)
        self.upsampling: Upsampling | None = None
        self.set_upsampling(upsampling)
        for key in ("mean", "std"):
            value = torch.tensor(self.body.pretrained_cfg[key])
            self.register_buffer(key, value.view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W), RGB in 0..1, to [(B, width, H/s, W/s) for s in 4, 8, 16, 32], or 32."""
        x = (images - self.mean) / self.std
        size = self._maps.body_size((x.shape[-2], x.shape[-1]))
        if size != x.shape[-2:]:
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        maps = self.body(x)[self._kept]
        scales = [x.permute(0, 3, 1, 2) if self._channels_last else x for x in maps]
        return self.neck(scales) if self.neck else scales

    def set_upsampling(self, mode: Upsampling) -> None:
        """Set the interpolation between the branches of an HRNet, in place.

        Raises:
            InputError: `mode` is another word.
        """
        if mode not in get_args(Upsampling):
            raise InputError(f"upsampling: expected one of {get_args(Upsampling)}, got {mode!r}")
        if is_hrnet(self.name):
            set_upsampling(self.body, mode)
            self.upsampling = mode

    def resize(self, size: int | Sequence[int]) -> None:
        """Makes the encoder one for pictures of another size, in place.

        Most encoders take any size as they are. Those made for one are made anew, as loading a
        saved network of the new size would make them, and take over the weights; timm resamples
        the position embeddings of plain ViTs and the relative positions of windows that change.

        Args:
            size: (H, W) of the pictures, multiples of 32.

        Raises:
            InputError: no multiples of 32, the encoder does not take such pictures, or weights
                belong to the old size that timm does not resample.
        """
        size = as_size(size)
        _check_divisible(size)
        options = body_options(self.name, size)
        if "img_size" in options and size != self.size:
            with torch.random.fork_rng(devices=[]):  # its random weights are not used
                body = create_body(self.name, **options)
            self._hand_over(body.train(self.body.training).to(self.mean), size)
            self.body = body
        self.size = size

    def _hand_over(self, body: nn.Module, size: tuple[int, int]) -> None:
        """Puts the parameters and statistics of the present body into one for another size."""
        resampled = self._resampled(body, size)
        state = self.body.state_dict(keep_vars=True) | resampled
        # 2x3 and 3x2 pixels have weights of the same shape, but not the same ones
        belonging = names_of_sized(self.name, size) - resampled.keys()
        for name, value in body.state_dict(keep_vars=True).items():
            if name in belonging or state[name].shape != value.shape:
                raise InputError(
                    f"image_size: the encoder {self.name!r} cannot be resized from "
                    f"{self.size[0]}x{self.size[1]} to {size[0]}x{size[1]}: its weights {name!r} "
                    "belong to one size; train it at the target size"
                )
            value.requires_grad_(state[name].requires_grad)
        body.load_state_dict(state, assign=True)

    def _resampled(self, body: nn.Module, size: tuple[int, int]) -> dict[str, Tensor]:
        """What timm resamples of the present body, by name, as `body` for another size has it."""
        found: dict[str, Tensor] = {}
        parts: dict[str, Any] = dict(self.body.named_modules())
        for name, part in parts.items():
            if hasattr(part, "set_window_size"):
                copied = shared_copy(part)  # so that an error leaves the part as it is
                copied.set_window_size(body.get_submodule(name).window_size)
                found |= copied.state_dict(prefix=f"{name}.", keep_vars=True)
        if hasattr(parts.get("model"), "set_input_size"):  # that of a plain ViT
            copied = shared_copy(parts["model"])
            copied.set_input_size(img_size=self._maps.body_size(size))
            found |= copied.state_dict(prefix="model.", keep_vars=True)
        return found


def _check_divisible(image_size: tuple[int, int]) -> None:
    """Raises InputError unless height and width are multiples of the coarsest stride."""
    if min(image_size) < STRIDES[-1] or any(side % STRIDES[-1] for side in image_size):
        raise InputError(
            f"image_size: expected height and width in multiples of {STRIDES[-1]} (the coarsest "
            f"stride of the encoder), got {image_size[0]}x{image_size[1]}"
        )
