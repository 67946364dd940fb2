"""Inputs of the CTAL modules of a network, recorded to explain any pixel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.explanation.affinities import Affinities, affinities_at
from ctal.explanation.pixels import Pixel, checked_pixel, grid_pixel
from ctal.networks import CTAL


@dataclass(frozen=True, eq=False)
class Observation:
    """Inputs and weights of one CTAL module for one image.

    Attributes:
        tasks: the names of the module's T tasks, in its order.
        features: (T, C, H, W), F_k; centered if the module centers.
        values: (T, C, H, W), V_t; likewise.
        weight: (M, P, T, f, f), the mixing weights, with `mixing_power` applied.
        bias: (M, P), the mixing biases, with `mixing_power` applied.
        gamma: (T, C), the factors of the diffused features in the output.
        kept: (T, C, H, W), the features that they are added to.
    """

    tasks: list[str]
    features: Tensor
    values: Tensor
    weight: Tensor
    bias: Tensor
    gamma: Tensor
    kept: Tensor

    def at(self, pixel: Pixel) -> Affinities:
        """Compute the affinities of the pixel (x, y) of the module's grid of H x W.

        Raises:
            InputError: the pixel is outside the grid.
        """
        H, W = self.features.shape[-2:]
        x, y = checked_pixel(pixel, (H, W))
        arrays = self.features, self.values, self.weight, self.bias
        return affinities_at((x, y), self.tasks, *arrays, self.gamma, self.kept)

    def at_image(self, pixel: Pixel, size: tuple[int, int]) -> Affinities:
        """Compute the affinities of the grid's pixel under (x, y) of an image of size (H, W).

        Raises:
            InputError: the pixel is outside the image.
        """
        H, W = self.features.shape[-2:]
        return self.at(grid_pixel(checked_pixel(pixel, size), size, (H, W)))


def modules_of(network: nn.Module) -> dict[str, CTAL]:
    """Return the CTAL modules of a network by name; a CTAL module itself is "ctal".

    Raises:
        InputError: the network has none.
    """
    modules = {name or "ctal": m for name, m in network.named_modules() if isinstance(m, CTAL)}
    if not modules:
        raise InputError(
            f"{type(network).__name__} has no CTAL module, so it has no affinities to explain; use "
            "CTALNet, MultiScaleCTALNet or another network with ctal.CTAL in it"
        )
    return modules


@contextmanager
def capture_affinities(network: nn.Module) -> Iterator[dict[str, Observation]]:
    """Record the inputs of every CTAL module of a network.

    The first image of a batch is recorded, and the last call of a module that runs several times.
    The modules are watched by hooks: no other thread may run the network meanwhile
    (`ctal.inference.Model.capture_affinities` has a lock).

    Args:
        network: any module with a `ctal.CTAL` at any depth.

    Yields:
        {name of the CTAL module in the network: its observation}, filled when the network runs.

    Raises:
        InputError: the network has no CTAL module.

    Example:
        >>> refine = CTAL(["semseg", "depth"], channels=16, size=(6, 8))
        >>> features = {name: torch.randn(1, 16, 6, 8) for name in ("semseg", "depth")}
        >>> with capture_affinities(refine) as seen:
        ...     _ = refine(features)
        >>> seen["ctal"].at((3, 2)).affinity["depth"].shape
        (6, 8)
    """
    modules = modules_of(network)
    seen: dict[str, Observation] = {}
    with ExitStack() as hooks:
        for name, module in modules.items():
            hook = module.register_forward_hook(partial(_record, seen, name), with_kwargs=True)
            hooks.callback(hook.remove)
        yield seen


def _record(
    seen: dict[str, Observation],
    name: str,
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    output: object,
) -> None:
    """Forward hook: record the features of the first image, and their values."""
    assert isinstance(module, CTAL)
    given: dict[str, Tensor] = args[0] if args else kwargs["features"]
    with torch.no_grad():
        weight, bias = module.mixing()
        first = {task: given[task][:1].detach() for task in module.tasks}
        features, values = module.inputs(first)
        gamma, share = module.addition()
    seen[name] = Observation(
        tasks=list(module.tasks),
        features=features[0].float(),
        values=values[0].float(),
        weight=weight.float(),
        bias=bias.float(),
        gamma=gamma.float(),
        kept=share * torch.stack([first[task][0] for task in module.tasks]).float(),
    )
