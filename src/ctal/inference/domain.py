"""Images unlike those of the training, found by the entropy of their class probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ctal.tasks.entropy import ENTROPY

_LONGEST = 60  # characters of a description from a file


def note_on_domain(about: Mapping[str, Any], maps: Mapping[str, Tensor]) -> str:
    """Return a sentence about an image that is unlike the training images; "" for others.

    An image is unlike them if its mean entropy is above a limit that most held-out images of the
    training's dataset are below. This finds images on which the model is unsure, not all images of
    other scenes: on some of those, a network is wrong and sure.

    Args:
        about: metadata of a model. Its entry "domain" is {"images": a description of the training
            images, "entropy": {task name: the limit}, "quantile": the share below the limit}.
        maps: decoded maps with entropies (`Task.entropy`), (H, W) in 0..1.
    """
    domain = about.get("domain")
    if not isinstance(domain, Mapping) or not isinstance(domain.get("entropy"), Mapping):
        return ""
    for task, limit in domain["entropy"].items():
        values = maps.get(f"{task}{ENTROPY}")
        if values is None or not isinstance(limit, int | float):
            continue
        if (mean := values.float().mean().item()) > limit:
            images = str(domain.get("images", "other images"))[:_LONGEST]
            return (
                f"This model was trained on {images} and is unsure about this image: the mean "
                f"entropy of its class probabilities is {mean:.2f} of the maximum, above "
                f"{limit:.2f}, the limit of usual images. The maps may be wrong."
            )
    return ""
