"""Any timm encoder as a pyramid of four scales, with its own normalisation inside."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import is_model_in_modules, load_state_dict
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.resizing import shared_copy

STRIDES = (4, 8, 16, 32)
"""Strides of the pyramid, finest first."""


class Encoder(nn.Module):
    """Features of a picture at strides 4, 8, 16 and 32, channels first.

    Pictures come in 0..1: the mean and standard deviation that the encoder was trained with are
    part of it (and of every saved network).

    Args:
        name: name of a timm model with a feature pyramid. HRNet gives its four branches, as in the
            papers of this field, not the wider maps of its classification head.
        image_size: (H, W) of the pictures, multiples of 32.
        pretrained: True fetches timm's weights from the model hub, a path reads them from a local
            file (.safetensors, or a .pth of plain tensors; pickled code in it is refused), False
            starts from random weights.

    Attributes:
        widths: channels of the four scales, finest first.
        size: the `image_size`.

    Raises:
        InputError: timm has no such model, it has no such pyramid, the file is missing or holds
            other weights, or the hub cannot be reached.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, name: str, *, image_size: tuple[int, int], pretrained: bool | str = False
    ) -> None:
        super().__init__()
        _check_divisible(image_size)
        options: dict[str, Any] = {"out_indices": _pyramid_indices(name)}
        config = timm.get_pretrained_cfg(name)
        if config is not None and config.fixed_input_size:
            options["img_size"] = image_size  # of those, such as Swin, whose windows depend on it
        self.name, self._options = name, options
        self.size = (image_size[0], image_size[1])
        self.body = _create_pretrained(name, pretrained, options)
        self.widths: list[int] = self.body.feature_info.channels()
        self._channels_last = "NHWC" in str(getattr(self.body, "output_fmt", ""))
        for key in ("mean", "std"):
            value = torch.tensor(self.body.pretrained_cfg[key])
            self.register_buffer(key, value.view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W), RGB in 0..1, to [(B, width, H/s, W/s) for s in 4, 8, 16, 32]."""
        scales = self.body((images - self.mean) / self.std)
        return [x.permute(0, 3, 1, 2) if self._channels_last else x for x in scales]

    def resize(self, size: tuple[int, int]) -> None:
        """Makes the encoder one for pictures of another size, in place.

        Most encoders take any size as they are. Those made for one are made anew, as loading a
        saved network of the new size would make them, and take over the weights; the tables of
        relative positions of windows that change are resampled by timm.

        Args:
            size: (H, W) of the pictures, multiples of 32.

        Raises:
            InputError: no multiples of 32, or weights of the encoder belong to the old size.
        """
        _check_divisible(size)
        if "img_size" in self._options and size != self.size:
            options = {**self._options, "img_size": size}
            with torch.random.fork_rng(devices=[]):  # its random weights are not used
                body = _create(self.name, **options)
            self._hand_over(body.train(self.body.training).to(self.mean), size)
            self.body, self._options = body, options
        self.size = (size[0], size[1])

    def _hand_over(self, body: nn.Module, size: tuple[int, int]) -> None:
        """Puts the parameters and statistics of the present body into one for another size."""
        state = self.body.state_dict(keep_vars=True)
        for name, part in self.body.named_modules():
            if hasattr(part, "set_window_size"):
                window: Any = shared_copy(part)  # so that an error leaves the part as it is
                window.set_window_size(body.get_submodule(name).window_size)
                state |= window.state_dict(prefix=f"{name}.", keep_vars=True)
        for name, value in body.state_dict(keep_vars=True).items():
            if state[name].shape != value.shape:
                raise InputError(
                    f"image_size: the encoder {self.name!r} cannot be resized from "
                    f"{self.size[0]}x{self.size[1]} to {size[0]}x{size[1]}: its weights {name!r} "
                    "belong to one size; train it at the size it shall have"
                )
            value.requires_grad_(state[name].requires_grad)
        body.load_state_dict(state, assign=True)


def _check_divisible(image_size: tuple[int, int]) -> None:
    """Raises InputError unless height and width are multiples of the coarsest stride."""
    if min(image_size) < STRIDES[-1] or any(side % STRIDES[-1] for side in image_size):
        raise InputError(
            f"image_size: expected height and width in multiples of {STRIDES[-1]} (the coarsest "
            f"stride of the encoder), got {image_size[0]}x{image_size[1]}"
        )


def _pyramid_indices(name: str) -> tuple[int, ...]:
    """Which of the model's feature maps are those at strides 4 to 32."""
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "timm.list_models() has the names"
        raise InputError(f"encoder: unknown timm model {name!r}; {hint}")
    with torch.device("meta"):  # only its description is looked at
        strides = _create(name).feature_info.reduction()
    # a model may have several maps of one stride: the last is the deepest
    last = {stride: index for index, stride in enumerate(strides)}
    if any(stride not in last for stride in STRIDES):
        raise InputError(
            f"encoder: expected a timm model with feature maps at strides {STRIDES}, but {name!r} "
            f"has them at {tuple(strides)}; take a pyramid such as a ResNet, HRNet or Swin"
        )
    return tuple(last[stride] for stride in STRIDES)


def _create(name: str, **options: Any) -> Any:
    """Timm's features-only form of a model."""
    if is_model_in_modules(name, ["hrnet"]):
        # HRNet alone offers two sets of features; "" means the branches of its last stage
        options["feature_location"] = ""
    try:
        return timm.create_model(name, features_only=True, **options)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"encoder: timm cannot make {name!r} a feature pyramid: {reason}"
        ) from error


def _create_pretrained(name: str, pretrained: bool | str, options: dict[str, Any]) -> Any:
    """The model with random weights, those of the hub, or those of a local file."""
    if not pretrained:
        return _create(name, **options)
    if pretrained is True:
        try:
            return _create(name, **options, pretrained=True)
        except OSError as error:
            raise InputError(
                f"pretrained: the weights of {name!r} could not be fetched from the model hub; "
                "give the path of a local .safetensors file instead of true"
            ) from error
    tensors = _read_weights(pretrained)
    overlay = {"file": pretrained}
    body = _create(name, **options, pretrained=True, pretrained_cfg_overlay=overlay)
    _check_loaded(body, tensors, pretrained, name)
    return body


def _read_weights(path: str) -> dict[str, Tensor]:
    """The tensors of a local file; pickled code is refused."""
    if not Path(path).is_file():
        raise InputError(f"pretrained: expected true, false or a file of weights, no file {path!r}")
    try:
        return load_state_dict(path, device="cpu", weights_only=True)
    except Exception as error:  # a file of another kind fails in many ways
        raise InputError(
            f"pretrained: {path!r} is no file of plain tensors (.safetensors, or a .pth without "
            "pickled code)"
        ) from error


def _check_loaded(body: nn.Module, tensors: dict[str, Tensor], path: str, name: str) -> None:
    """Makes sure that the file's numbers are in the model.

    timm loads what fits by name and leaves the rest random, silently. Names differ between the
    file and the wrapped model, so tensors are recognised by their size and sum.
    """
    given = {_fingerprint(tensor) for tensor in tensors.values()}
    found = [_fingerprint(p) in given for p in body.parameters() if p.ndim > 1]
    if sum(found) < len(found) / 2:
        raise InputError(
            f"pretrained: {path!r} holds other weights than those of {name!r}: only {sum(found)} "
            f"of its {len(found)} weight tensors are in the file"
        )


def _fingerprint(tensor: Tensor) -> tuple[int, float]:
    return tensor.numel(), round(float(tensor.detach().double().sum()), 4)
