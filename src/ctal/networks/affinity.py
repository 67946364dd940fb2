"""The CTAL module: tasks refine each other through their pixel affinities.

Source: Sinodinos and Armanfard, "Cross-Task Affinity Learning for Multitask Dense Scene
Predictions", WACV 2025, section 3 (figures 2 and 3). Differs from the authors' released code in
one default: here, as in the paper's figure, every target task has its own mixing weights;
`shared_mixing=True` shares one set, as the released code does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ctal.errors import InputError
from ctal.factorised.layout import stack_tasks
from ctal.functional import Method, cross_task_affinity
from ctal.networks.options import AffinityOptions, task_names
from ctal.networks.resizing import as_size, resample


class CTAL(nn.Module):
    """Cross-task affinity learning on the features of T tasks at one resolution.

    F'_t = gamma * out_t + (1 - gamma) * F_t, where out_t diffuses the values V_t (a 3x3 convolution
    of F_t) along the mixed affinities of all tasks: `ctal.functional` has the equations.

    Each pixel has its own mixing weights, so the module is built for one height and width;
    `resize` adapts it to another.

    Args:
        tasks: names of the tasks; their order is kept.
        channels: channels C of every task's features.
        size: (H, W) of the features, or the side of square ones.
        kernel_size: side f of the window over which affinities are mixed, odd.
        gamma: share of the diffused features in the output (paper: 0.05).
        learned_gamma: make gamma a parameter, one for all tasks, that starts at `gamma`; the
            paper's is a constant.
        shared_mixing: one set of mixing weights for all target tasks instead of one each.
        mixing_power: divide mixing weights and biases by P^mixing_power when they are applied;
            0 is the published module. The diffused features are a sum over all P pixels,
            initially several hundred times as large as the values at P = 24 * 32, and random
            from pixel to pixel; 1 makes it a mean. The parameters themselves stay as large as
            published, because Adam changes each of them by about its learning rate at any scale:
            small ones would grow back within some hundred steps and then add noise.
        uniform_init: initialize all pixels with the same random mixing weights; as published, each
            has its own, and training removes the differences between neighbors slowly.
        centered: subtract the mean over the pixels of each image from features and values, so that
            affinities are correlations, of both signs, instead of cosines, which are nearly equal
            for features after a ReLU. Not in the paper.
        norm_start: F'_t = F_t + BN_t(out_t) instead of the blend with gamma, with a BatchNorm per
            task whose weights start at this number (0.05 is like gamma); out_t then needs no
            scale of its own. Not in the paper.
        method: "dense", "factorised" or "auto", as in `cross_task_affinity`.

    Attributes:
        mixing_weight: (M, P, T, f, f), M = 1 if shared, else T; P = H * W; not yet scaled.
        mixing_bias: (M, P).
        mixing_power: exponent of P in the divisor of both; `mixing` returns the quotients.
        gamma: a number, or a parameter of one number.
        value: the 3x3 convolution of every task, by name.
        norm: the BatchNorm of every task, by name; None without `norm_start`.

    Raises:
        InputError: `channels` is below 1, or as `AffinityOptions`.

    Example:
        >>> refine = CTAL(["semseg", "depth"], channels=16, size=(6, 8))
        >>> features = {name: torch.randn(2, 16, 6, 8) for name in ("semseg", "depth")}
        >>> refine(features)["depth"].shape
        torch.Size([2, 16, 6, 8])
    """

    def __init__(
        self,
        tasks: Sequence[str],
        channels: int,
        size: int | Sequence[int],
        *,
        kernel_size: int = 3,
        gamma: float = 0.05,
        learned_gamma: bool = False,
        shared_mixing: bool = False,
        mixing_power: float = 0.0,
        uniform_init: bool = False,
        centered: bool = False,
        norm_start: float | None = None,
        method: Method = "auto",
    ) -> None:
        super().__init__()
        if channels < 1:
            raise InputError(f"channels: expected an integer >= 1, got {channels}")
        AffinityOptions(  # validates them
            *(kernel_size, gamma, learned_gamma, shared_mixing, mixing_power),
            *(uniform_init, centered, norm_start, method),
        )
        self.tasks, self.channels = task_names(tasks), channels
        self.size = as_size(size, "size")
        T, P, f = len(self.tasks), math.prod(self.size), kernel_size
        M = 1 if shared_mixing else T
        self.gamma = nn.Parameter(torch.tensor(float(gamma))) if learned_gamma else float(gamma)
        self.mixing_power, self.centered = mixing_power, centered
        self.method: Method = method
        self.value = nn.ModuleDict(
            {task: nn.Conv2d(channels, channels, 3, padding=1) for task in self.tasks}
        )
        self.mixing_weight = nn.Parameter(torch.empty(M, P, T, f, f))
        self.mixing_bias = nn.Parameter(torch.empty(M, P))
        self._initialize_mixing(uniform_init)
        self.norm = None if norm_start is None else _norms(self.tasks, channels, norm_start)

    def _initialize_mixing(self, uniform: bool) -> None:
        # the initialization of a grouped `nn.Conv2d` with T f^2 inputs per output
        bound = 1 / math.sqrt(self.mixing_weight[0, 0].numel())
        for parameter in (self.mixing_weight, self.mixing_bias):
            nn.init.uniform_(parameter, -bound, bound)
            if uniform:
                parameter.data[:] = parameter.data[:, :1].clone()

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Refine the features of every task, {name: (B, C, H, W)}, with those of all tasks.

        Raises:
            InputError: a task is missing, or the features have another size.
        """
        if set(features) != set(self.tasks):
            raise InputError(f"features: expected the tasks {self.tasks}, got {list(features)}")
        sizes = {tuple(x.shape[-2:]) for x in features.values()}
        if sizes != {self.size}:
            raise InputError(
                f"features: expected height and width {self.size}, which this CTAL module was "
                f"built for (it has mixing weights per pixel; see `resize`), got "
                f"{' and '.join(map(str, sorted(sizes)))}"
            )
        F, V = self.inputs(features)
        diffused = cross_task_affinity(F, V, *self.mixing(), method=self.method)
        if self.norm is not None:
            out = dict(zip(self.tasks, diffused.unbind(1), strict=True))
            return {task: features[task] + self.norm[task](out[task]) for task in self.tasks}
        if self.centered:
            F = stack_tasks([features[task] for task in self.tasks])
        refined = self.gamma * diffused + (1 - self.gamma) * F
        return dict(zip(self.tasks, refined.unbind(1), strict=True))

    def inputs(self, features: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return features F and values V, each (B, T, C, H, W), centered with `centered=True`."""
        F = stack_tasks([features[task] for task in self.tasks])
        V = stack_tasks([self.value[task](features[task]) for task in self.tasks])
        if self.centered:
            F, V = (x - x.mean(dim=(-2, -1), keepdim=True) for x in (F, V))
        return F, V

    def addition(self) -> tuple[Tensor, float]:
        """Return the factors (T, C) of `out` and that of F; a norm uses running statistics."""
        if self.norm is None:
            gamma = torch.as_tensor(self.gamma)
            return gamma.detach().expand(len(self.tasks), self.channels), 1 - float(gamma)
        norms = [cast(nn.BatchNorm2d, self.norm[task]) for task in self.tasks]
        variances = [torch.as_tensor(norm.running_var) + norm.eps for norm in norms]
        scales = [norm.weight / v.sqrt() for norm, v in zip(norms, variances, strict=True)]
        return torch.stack(scales), 1.0

    def mixing(self) -> tuple[Tensor, Tensor]:
        """Return the weights (M, P, T, f, f) and biases (M, P) as they are applied."""
        scale = math.prod(self.size) ** -self.mixing_power
        return scale * self.mixing_weight, scale * self.mixing_bias

    def task_dims(self) -> dict[str, tuple[int, ...]]:
        """Dimensions with a block for each task, by tensor (`ctal.networks.initialize_from`)."""
        shared = self.mixing_weight.shape[0] < len(self.tasks)
        weight, bias = ((2,), ()) if shared else ((0, 2), (0,))
        return {"mixing_weight": weight, "mixing_bias": bias}

    def resize(self, size: int | Sequence[int]) -> None:
        """Adapt the module, trained or not, to features of another size, in place.

        Mixing weights and biases are an H x W field of T f^2 + 1 channels: it is resampled to
        H' x W' and multiplied by P / P', since the diffused features are a sum over all pixels
        (unless `mixing_power` already does so). A window of f x f pixels then covers another part
        of the image, which is not corrected. The mixing parameters are new objects, so create
        the optimizer afterwards. At the same size, nothing changes.

        Args:
            size: (H', W') of the features.

        Raises:
            InputError: `size` is not a height and width.
        """
        size = as_size(size, "size")
        if size == self.size:
            return
        share = (math.prod(self.size) / math.prod(size)) ** (1 - self.mixing_power)
        self.mixing_weight = resample(self.mixing_weight, self.size, size, factor=share)
        self.mixing_bias = resample(self.mixing_bias, self.size, size, factor=share)
        self.size = size

    def extra_repr(self) -> str:
        """Return the options that the submodules do not show."""
        shared = self.mixing_weight.shape[0] == 1
        gamma = float(self.gamma)
        return (
            f"size={self.size}, gamma={gamma:.3g}, shared_mixing={shared}, "
            f"mixing_power={self.mixing_power:.3g}, centered={self.centered}, {self.method}"
        )


def _norms(tasks: Sequence[str], channels: int, start: float) -> nn.ModuleDict:
    norms = {task: nn.BatchNorm2d(channels) for task in tasks}
    for norm in norms.values():
        nn.init.constant_(norm.weight, start)
    return nn.ModuleDict(norms)
