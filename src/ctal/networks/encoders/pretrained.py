"""Weights of an encoder's body: random, of timm's hub, or of a local file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from timm.models import load_state_dict
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.encoders.bodies import body_options, create_body, one_line, own_size


def create_pretrained(name: str, size: tuple[int, int], pretrained: bool | str) -> Any:
    """The body of an encoder with random weights, those of the hub, or those of a local file.

    What belongs to a size of pictures, such as the position embeddings of a ViT, is resampled by
    timm if the weights come from another size.

    Args:
        name: name of a timm model.
        size: (H, W) of the encoder's pictures.
        pretrained: as in `Encoder`.

    Raises:
        InputError: as of `body_options`; the file is missing or holds other weights, the hub cannot
            be reached, the weights belong to another size and timm does not resample them, or timm
            would fetch a part of the model beside the file.
    """
    options = body_options(name, size)
    if not pretrained:
        return create_body(name, **options)
    if pretrained is True:
        return _load(name, size, "the weights of the hub", options)
    tensors = _read_weights(pretrained)
    # no custom_load: that is how the formats of other libraries are read, by path
    options["pretrained_cfg_overlay"] = {"file": pretrained, "custom_load": False}
    with _offline():
        body = _load(name, size, f"the weights of {pretrained!r}", options)
    _check_loaded(body, tensors, pretrained, name)
    return body


def _load(name: str, size: tuple[int, int], source: str, options: dict[str, Any]) -> Any:
    try:
        return create_body(name, **options, pretrained=True)
    except OSError as error:
        if "pretrained_cfg_overlay" in options:
            raise InputError(
                f"pretrained: timm makes {name!r} with weights of the hub in its stem, which a "
                "local file does not spare; take another encoder, or true where there is a hub"
            ) from error
        raise InputError(
            f"pretrained: the weights of {name!r} could not be fetched from the model hub; "
            "give the path of a local .safetensors file instead of true"
        ) from error
    except Exception as error:  # the size is known to be right, and weights fail in many ways
        raise InputError(
            f"pretrained: {source} do not fit {name!r} for pictures of {size[0]}x{size[1]}: "
            f"{one_line(error)}; take weights of this model, for this size{own_size(name)}"
        ) from error


@contextmanager
def _offline() -> Iterator[None]:
    """Keeps timm from the hub: of some ViTs it fetches the stem's weights, whatever the file."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


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
