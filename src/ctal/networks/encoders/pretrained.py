"""Weights of an encoder's body: random, from timm's hub, or from a local file."""

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
    """Create the body of an encoder with random weights, those of the hub, or of a local file.

    Weights that depend on the image size, such as the position embeddings of a ViT, are resampled
    by timm if necessary.

    Args:
        name: name of a timm model.
        size: (H, W) of the encoder's images.
        pretrained: as in `Encoder`.

    Raises:
        InputError: as `body_options`; the file is missing or has other weights, the hub cannot be
            reached, timm cannot resample weights of another size, or timm would download a part
            of the model besides the file.
    """
    options = body_options(name, size)
    if not pretrained:
        return create_body(name, **options)
    if pretrained is True:
        return _load(name, size, "the weights of the hub", options)
    tensors = _read_weights(pretrained)
    # no custom_load, by which timm reads formats of other libraries by path
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
                f"pretrained: timm downloads the stem of {name!r} from the hub even with a "
                "local file; use another encoder, or true with access to the hub"
            ) from error
        raise InputError(
            f"pretrained: the weights of {name!r} could not be downloaded from the model hub; "
            "set the path of a local .safetensors file instead of true"
        ) from error
    except Exception as error:  # the size is known to be valid; weights raise many types
        raise InputError(
            f"pretrained: {source} do not fit {name!r} for images of {size[0]}x{size[1]}: "
            f"{one_line(error)}; use weights of this model for this size{own_size(name)}"
        ) from error


@contextmanager
def _offline() -> Iterator[None]:
    """Block downloads by timm, which fetches the stem of some ViTs even with a local file."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _read_weights(path: str) -> dict[str, Tensor]:
    """Load the tensors of a local file; pickled code is rejected."""
    if not Path(path).is_file():
        raise InputError(
            f"pretrained: expected true, false, a file of weights or a trained network; {path!r} "
            "not found; networks are bundled models, folders of runs, .ckpt files, saved folders "
            "and ids of the model hub"
        )
    try:
        return load_state_dict(path, device="cpu", weights_only=True)
    except Exception as error:  # other formats raise many types
        raise InputError(
            f"pretrained: expected a file of plain tensors (.safetensors, or a .pth without "
            f"pickled code), got {path!r}"
        ) from error


def _check_loaded(body: nn.Module, tensors: dict[str, Tensor], path: str, name: str) -> None:
    """Check that the tensors of the file are in the model.

    timm silently loads only the tensors whose names match. Names differ between the
    file and the wrapped model, so tensors are identified by their size and sum.
    """
    given = {_fingerprint(tensor) for tensor in tensors.values()}
    found = [_fingerprint(p) in given for p in body.parameters() if p.ndim > 1]
    if sum(found) < len(found) / 2:
        raise InputError(
            f"pretrained: expected weights of {name!r}, got others in {path!r}: only {sum(found)} "
            f"of its {len(found)} weight tensors are in the file"
        )


def _fingerprint(tensor: Tensor) -> tuple[int, float]:
    return tensor.numel(), round(float(tensor.detach().double().sum()), 4)
