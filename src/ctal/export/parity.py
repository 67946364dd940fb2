"""Parity of an exported file and its network: maps of both for the same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.export.formats import Run
from ctal.export.tracing import Deployed
from ctal.tasks import Task

TOLERANCE = 1e-4
"""Allowed difference of raw maps, relative to their largest value, or to 1 if that is larger."""


class Difference(NamedTuple):
    """Difference of a file's maps from PyTorch's, over all pixels of all images.

    Attributes:
        largest: the largest difference, in the task's unit; for class ids 1 if any differs, else 0.
        mean: the mean difference; for class ids the share of pixels that differ.
        of_classes: whether the maps have class ids.
    """

    largest: float
    mean: float
    of_classes: bool


def batches(images: Iterable[Tensor], size: Sequence[int]) -> Iterator[Tensor]:
    """Batch images (3, H, W) as (B, 3, H', W') in 0..1: the first alone, the others in pairs.

    A file accepts any batch size, so one image and more than one are tested.
    """
    batch: list[Tensor] = []
    wanted = 1
    for image in images:
        pixels = TF.to_dtype(image, torch.float32, scale=True)
        batch.append(TF.resize(pixels, list(size), antialias=True).clamp(0, 1))
        if len(batch) == wanted:
            yield torch.stack(batch)
            batch, wanted = [], 2
    if batch:
        yield torch.stack(batch)


def compare_maps(
    model: Deployed, run: Run, images: Iterable[Tensor], *, exact: bool = True
) -> dict[str, Difference]:
    """Compute the differences by task.

    Args:
        model: the network in PyTorch.
        run: runs the file.
        images: batches (B, 3, H, W) in 0..1.
        exact: whether the file computes in float32, so that only rounding may differ.

    Raises:
        InputError: a map of the file differs by more than rounding, or has other values than finite
            ones.
    """
    largest = dict.fromkeys((task.name for task in model.network.tasks), 0.0)
    total, pixels = dict.fromkeys(largest, 0.0), dict.fromkeys(largest, 0)
    of_classes = dict.fromkeys(largest, False)
    for batch in images:
        with torch.inference_mode():
            raw = model.predict_raw(batch)
        found = run(batch)
        for task in model.network.tasks:
            name = task.name
            if model.raw:
                difference = _raw_difference(task, raw[name], found[name], exact)
            else:
                difference = _difference(task, raw[name], found[name], exact)
            largest[name] = max(largest[name], difference.max().item())
            total[name] += difference.sum(dtype=torch.float64).item()
            pixels[name] += difference.numel()
            of_classes[name] = not found[name].is_floating_point()
    return {
        name: Difference(largest[name], total[name] / pixels[name], of_classes[name])
        for name in largest
    }


def _raw_difference(task: Task, raw: Tensor, found: Tensor, exact: bool) -> Tensor:
    """Return |found - raw map|."""
    difference = _absolute_difference(task, raw, found, exact)
    limit = TOLERANCE * max(1.0, raw.abs().max().item())
    if exact:
        _check_rounding(task, difference, difference <= limit)
    return difference


def _difference(task: Task, raw: Tensor, found: Tensor, exact: bool) -> Tensor:
    """Return |found - decoded raw map|, or for integers whether they differ."""
    expected = task.decode(raw)
    difference = _absolute_difference(task, expected, found, exact)
    # `not`, so that a NaN counts
    if exact and not bool((difference <= TOLERANCE).all()):
        _check_rounding(task, difference, difference <= _decidable(task, raw, expected))
    return difference if expected.is_floating_point() else (difference > 0).double()


def _absolute_difference(task: Task, expected: Tensor, found: Tensor, exact: bool) -> Tensor:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise InputError(
            f"{task.name}: expected maps {tuple(expected.shape)} of {expected.dtype}, got "
            f"{tuple(found.shape)} of {found.dtype} from the file; it is not kept"
        )
    difference = (found.double() - expected.double()).abs()
    if not exact and not bool(difference.isfinite().all()):
        raise InputError(
            f"{task.name}: expected finite values, got NaN or inf from the file; it is not kept; "
            "export it in float32"
        )
    return difference


def _check_rounding(task: Task, difference: Tensor, allowed: Tensor) -> None:
    """Check that all values are allowed; a NaN is not, since no comparison holds for it."""
    excess = ~allowed
    if bool(excess.any()):
        raise InputError(
            f"{task.name}: the file's map differs from PyTorch's by up to "
            f"{difference[excess].max().item():.3g} ({task.unit}) in "
            f"{100 * excess.double().mean().item():.3g} % of its values, more than rounding "
            "can cause; it is not kept"
        )


def _decidable(task: Task, raw: Tensor, expected: Tensor) -> Tensor:
    """Return the possible difference of decoded values if raw maps differ by rounding only.

    Where two classes have equal scores, or the vector of a normal is nearly 0, a raw map that is
    exact to six digits can decode to another value. So the raw map is changed by the tolerance,
    channel by channel, and decoded again: such changes are not errors of the file.
    """
    step = TOLERANCE * max(1.0, raw.abs().max().item())
    possible = torch.zeros_like(expected, dtype=torch.float64)
    for channel in range(raw.shape[1]):
        for change in (step, -step):
            nudged = raw.clone()
            nudged[:, channel] += change
            possible = possible.maximum((task.decode(nudged).double() - expected.double()).abs())
    # with a margin, since the change is of first order only
    return (1.01 * possible).clamp(min=TOLERANCE)
