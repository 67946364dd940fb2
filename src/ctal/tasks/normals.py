"""Surface normals: the orientation of the surface at every pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses import Cosine, NormalLoss
from ctal.losses.base import check_criterion
from ctal.maps import NormalMap
from ctal.maps.labelled import angles, labelled_normals, unit
from ctal.tasks.base import TRAINING_ONLY, half_in_steps, masked
from ctal.tasks.criterion import CriterionTask
from ctal.tasks.keys import SphereKey

if TYPE_CHECKING:
    from torchmetrics import Metric


@dataclass(frozen=True)
class SurfaceNormals(CriterionTask):
    """Unit normals in camera axes (x right, y down, z into the scene).

    Args:
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: `Cosine`, 1 - cosine of the angle.
    """

    name: str = "normals"
    criterion: NormalLoss | None = field(default=None, compare=False, metadata=TRAINING_ONLY)

    map_type = NormalMap
    unit = "unit vector"
    error_unit = "°"
    error_limit = 45.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_criterion(self.criterion, NormalLoss)

    @property
    def channels(self) -> int:
        """Return 3: x, y and z of a vector of any length."""
        return 3

    def labels(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit vectors, 0 where unlabelled, and which pixels are labelled."""
        valid = self.valid(target)
        return unit(masked(target, valid)), valid

    def prepare(self, raw: Tensor) -> Tensor:
        """Return the directions of raw vectors, in float32.

        A vector shorter than 1e-4 is divided by 1e-4 and not by its length: its direction is
        noise, and at 0 the gradient would be infinite.
        """
        return unit(raw.float(), shortest=1e-4)

    @property
    def used_criterion(self) -> NormalLoss:
        """Return the criterion, by default `Cosine`, 1 - cosine of the angle."""
        return self.criterion or Cosine()

    def decode(self, raw: Tensor) -> Tensor:
        """Return unit vectors, (B, 3, H, W) float32; towards the camera where raw is 0."""
        direction = unit(raw.float())
        towards_camera = torch.tensor([0.0, 0.0, -1.0], device=raw.device)[:, None, None]
        # too short (or too long) to be squared in float32, so not a unit vector; NaN stays NaN
        undefined = direction.square().sum(dim=1, keepdim=True) < 0.5
        return torch.where(undefined, towards_camera, direction)

    def encode(self, target: Tensor) -> Tensor:
        """Return the target itself."""
        return target

    def valid(self, target: Tensor) -> Tensor:
        """Return which pixels have a vector other than zero."""
        return labelled_normals(target)

    def check(self, target: Tensor) -> None:
        """Check that the length of all vectors is 0 or, within 0.01, 1."""
        lengths = target.square().sum(dim=0).sqrt()  # vector_norm is 80 times slower
        # written so that NaN is wrong
        wrong = lengths[~(~target.any(dim=0) | ((lengths - 1).abs() <= 1e-2))]
        if wrong.numel():
            raise InputError(
                f"{self.name}: expected vectors of length 1, or (0, 0, 0) where there is no label, "
                f"got length {wrong[0].item():g} (one of {wrong.numel()} such pixels)"
            )

    def metrics(self) -> dict[str, Metric]:
        """Create mean, median and root mean square angle, and the fractions below three angles."""
        from ctal import metrics  # here, since torchmetrics takes a second to import

        return {
            "mean": metrics.MeanAngle(),
            "median": metrics.MedianAngle(),
            "rmse": metrics.RootMeanSquareAngle(),
            **{f"within_{limit:g}": metrics.WithinAngle(limit) for limit in (11.25, 22.5, 30)},
        }

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute the angle between prediction and target in degrees."""
        return torch.where(self.valid(target), angles(prediction, target), torch.nan)

    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Visualize x right, y up, z towards the viewer as red, green, blue; -1..1 becomes 0..255.

        A floor is green, a wall facing the camera blue; black where unlabelled. The reference
        has no effect.
        """
        vectors = prediction.float().cpu()
        axes = torch.tensor([1.0, -1.0, -1.0])[:, None, None]
        colours = ((vectors * axes + 1) / 2 * 255).round().clamp(0, 255)
        known = self.valid(vectors.unsqueeze(0))
        return torch.where(known, colours, 0.0).to(torch.uint8)

    def compact(self, prediction: Tensor) -> Tensor:
        """Return float16, in multiples of 1/2048: directions within 0.03 degrees.

        float16 has smaller steps near 0, which would take half as much space again.
        """
        return half_in_steps(prediction, 2048)

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> SphereKey:
        """Return a sphere in the colors of `visualize`."""
        side = torch.linspace(-1, 1, 129)
        y, x = torch.meshgrid(side, side, indexing="ij")
        inside = x.square() + y.square() <= 1
        z = -(1 - x.square() - y.square()).clamp(min=0).sqrt()
        sphere = self.visualize(torch.where(inside, torch.stack([x, y, z]), 0.0))
        return SphereKey(
            sphere,
            inside,
            "A surface has the color of the sphere where it faces the same way: floors are green",
        )
