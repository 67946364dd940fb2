"""Any timm model as an encoder with four scales, including input normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

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
    model_name,
    one_line,
    set_upsampling,
)
from ctal.networks.encoders.neck import PyramidNeck
from ctal.networks.encoders.pretrained import create_pretrained
from ctal.networks.encoders.resampling import hand_over
from ctal.networks.encoders.trained import TrainedEncoder, trained_encoder
from ctal.networks.resizing import as_size

__all__ = ["STRIDES", "Encoder", "Upsampling"]


class Encoder(nn.Module):
    """Features of an image at strides 4, 8, 16 and 32, or at 32 only, channels first.

    Images are in 0..1: the encoder normalizes them with the mean and standard deviation it was
    pretrained with, which are part of every saved network.

    A plain vision transformer (`vit_*`, DINOv2, DINOv3, EVA-02, ...) has maps of one stride: a
    `PyramidNeck`, randomly initialized, builds the pyramid from those of four blocks, evenly
    spaced over its depth. A patch of 14 pixels covers 16 of the image, which is resized to 14/16
    of its size for the transformer; so all encoders support the same sizes.

    Args:
        name: name of a timm model with a feature pyramid, or of a plain vision transformer;
            docs/encoders.md lists the families. HRNet returns its four branches, as in the papers
            of this field, not the wider maps of its classification head.
        image_size: (H, W) of the images, multiples of 32, or the side of square ones.
        pretrained: True downloads timm's weights from the model hub, a path loads them from a
            local file (.safetensors, or a .pth of plain tensors; pickled code is rejected), a
            trained network as in `ctal.load` gives those of its encoder (its first if it has
            several), False initializes randomly. Position embeddings of another size are resampled
            by timm.
        last_stage: return the coarsest scale only; a `PyramidNeck` then has no other scales, whose
            weights would never get a gradient.
        upsampling: interpolation between the branches of an HRNet: "bilinear" (corners not
            aligned) as in the papers of this field, or "nearest" as in timm. Other encoders ignore
            it.

    Attributes:
        out_channels: channels of the scales, finest first.
        size: the `image_size`.
        upsampling: "bilinear" or "nearest" for an HRNet, None for other encoders.

    Raises:
        InputError: `upsampling` is invalid; timm does not have the model; the model has neither
            such a pyramid nor maps of one stride, or does not support this size; the file is
            missing or has the weights of another model; the hub cannot be reached.
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
        trained = trained_encoder(name, pretrained)
        self.body = create_pretrained(name, self.size, pretrained if trained is None else False)
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
        if trained is not None:
            self.take(_built(name, trained))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W), RGB in 0..1, to [(B, C_s, H/s, W/s)] of strides s, finest first."""
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
            InputError: `mode` is invalid.
        """
        if mode not in get_args(Upsampling):
            raise InputError(f"upsampling: expected one of {get_args(Upsampling)}, got {mode!r}")
        if is_hrnet(self.name):
            set_upsampling(self.body, mode)
            self.upsampling = mode

    def resize(self, size: int | Sequence[int]) -> None:
        """Adapt the encoder to images of another size, in place.

        Most encoders support any size unchanged. Those built for one size are built again, as
        when a saved network of the new size is loaded, and get the weights; timm resamples the
        position embeddings of plain ViTs and the relative positions of windows that change.

        Args:
            size: (H, W) of the images, multiples of 32.

        Raises:
            InputError: `size` is not in multiples of 32, the encoder does not support it, or timm
                cannot resample weights of the old size.
        """
        size = as_size(size)
        _check_divisible(size)
        options = body_options(self.name, size)
        if "img_size" in options and size != self.size:
            with torch.random.fork_rng(devices=[]):  # its random weights are not used
                body = create_body(self.name, **options)
            body.train(self.body.training).to(self.mean)
            hand_over(self.name, self.body, body, (self.size, size))
            self.body = body
        self.size = size

    def take(self, other: Encoder) -> set[str]:
        """Take the weights of another encoder if it is of the same timm model, in place.

        A neck of another form is left out.

        Args:
            other: the encoder to take from; it is resized to the size of this one.

        Returns:
            The names of the tensors that were taken; none if the timm model is another.

        Raises:
            InputError: the other encoder cannot be resized.
        """
        if model_name(other.name) != model_name(self.name):
            return set()
        other.resize(self.size)
        own, theirs = self.state_dict(), other.state_dict()
        taken = {key for key in own if key in theirs and own[key].shape == theirs[key].shape}
        neck = {key for key in own if key.startswith("neck.")}
        taken -= set() if neck <= taken else neck
        for key in taken:
            own[key].copy_(theirs[key])
        return taken


def _built(name: str, trained: TrainedEncoder) -> Encoder:
    """Build the encoder of a trained network."""
    with torch.random.fork_rng(devices=[]):  # its random weights are not used
        encoder = Encoder(name, image_size=trained.size, last_stage=trained.last_stage)
    try:
        encoder.load_state_dict(trained.state)
    except RuntimeError as error:
        raise InputError(
            f"pretrained: the encoder of {trained.source!r} does not fit {name!r} "
            f"({one_line(error)})"
        ) from error
    return encoder


def _check_divisible(image_size: tuple[int, int]) -> None:
    """Check that height and width are multiples of the coarsest stride."""
    if min(image_size) < STRIDES[-1] or any(side % STRIDES[-1] for side in image_size):
        raise InputError(
            f"image_size: expected height and width in multiples of {STRIDES[-1]} (the coarsest "
            f"stride of the encoder), got {image_size[0]}x{image_size[1]}"
        )
