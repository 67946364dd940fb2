"""Base class of tasks with one of several classes per pixel."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ctal.errors import InputError, counted
from ctal.losses import ClassLoss, CrossEntropy
from ctal.losses.base import check_criterion
from ctal.maps import UNLABELLED_CLASS, ClassMap
from ctal.maps.labelled import labelled_classes
from ctal.tasks.criterion import CriterionTask
from ctal.tasks.keys import ClassKey

if TYPE_CHECKING:
    from torchmetrics import Metric


class ClassTask(CriterionTask):
    """One class per pixel, with a raw score (a channel) for each.

    A subclass defines the number of classes (`channels`) and their colors (`palette`).

    Attributes:
        criterion: its loss; None: `CrossEntropy`.
    """

    map_type = ClassMap
    unit = "class id"
    error_unit = "%"
    error_limit = 1.0
    variance_factor = 1.0
    criterion: ClassLoss | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_criterion(self.criterion, ClassLoss)
        if self.criterion is not None:
            self.criterion.check(self.channels)

    @abstractmethod
    def palette(self) -> list[str]:
        """Return the color "#rrggbb" of each class."""

    def labels(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return class ids, 0 where unlabelled, and which pixels are labelled."""
        valid = self.valid(target)
        return torch.where(valid, target, 0), valid

    @property
    def used_criterion(self) -> ClassLoss:
        """Return the criterion, by default the mean cross entropy of softmax(raw)."""
        return self.criterion or CrossEntropy()

    def decode(self, raw: Tensor) -> Tensor:
        """Return the class with the highest score, (B, H, W) int64."""
        return raw.argmax(dim=1)

    def encode(self, target: Tensor) -> Tensor:
        """Return one-hot maps, (B, channels, H, W) float32; zeros where unlabelled."""
        classes = torch.arange(self.channels, device=target.device)
        return (target.unsqueeze(1) == classes[:, None, None]).float()

    def valid(self, target: Tensor) -> Tensor:
        """Return which pixels are not 255."""
        return labelled_classes(target)

    def check(self, target: Tensor) -> None:
        """Check that all class ids are in 0..channels - 1 or 255."""
        wrong = target[((target < 0) | (target >= self.channels)) & self.valid(target)]
        if wrong.numel():
            pixels = counted(wrong.numel(), "pixel")
            raise InputError(
                f"{self.name}: expected class ids 0..{self.channels - 1}, or 255 where there is "
                f"no label, got {sorted(set(wrong.tolist()))[:10]} (in {pixels})"
            )

    def metrics(self) -> dict[str, Metric]:
        """Create mean IoU and pixel accuracy."""
        from ctal import metrics  # late, since importing torchmetrics takes a second

        return {
            "miou": metrics.MeanIoU(self.channels),
            "pixel_accuracy": metrics.PixelAccuracy(),
        }

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return 1 where the class is wrong, 0 where it is correct."""
        wrong = (prediction != target).float()
        return torch.where(self.valid(target), wrong, torch.nan)

    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Visualize each class in its color, for any reference; black where unlabelled."""
        colours = torch.zeros(UNLABELLED_CLASS + 1, 3, dtype=torch.uint8)
        for index, colour in enumerate(self.palette()):
            colours[index] = torch.tensor(list(bytes.fromhex(colour[1:])))
        return colours[prediction.cpu()].movedim(-1, 0)

    def compact(self, prediction: Tensor) -> Tensor:
        """Return class ids as uint8."""
        return prediction.to(torch.uint8)

    def shown_names(self) -> list[str]:
        """Return the name of each class; "class 3" without names."""
        names = getattr(self, "class_names", None)
        return list(names or (f"class {index}" for index in range(self.channels)))

    def legend(self, prediction: Tensor) -> list[tuple[str, str]]:
        """Return color and name of the classes of a map, most frequent first, if they have names.

        `key` has their shares, too.
        """
        if getattr(self, "class_names", None) is None:
            return []
        return [(color, name) for color, name, _ in self.key(prediction).entries]

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> ClassKey:
        """Return color, name and share of every class in a map; "class 3" without a name."""
        names, colors = self.shown_names(), self.palette()
        counts = prediction[self.valid(prediction)].bincount(minlength=self.channels)
        shares = (counts / max(prediction.numel(), 1)).tolist()
        order = counts.argsort(descending=True, stable=True).tolist()
        return ClassKey([(colors[i], names[i], shares[i]) for i in order if shares[i] > 0])

    def entropy(self, raw: Tensor) -> Tensor:
        """Return the entropy of softmax(raw), divided by ln(channels): 1 if all are equal.

        Of probabilities p: -sum p ln p (Shannon, 1948), (B, 1, H, W) float32.
        """
        log_p = raw.float().log_softmax(dim=1)
        found = -(log_p.exp() * log_p).sum(dim=1, keepdim=True) / math.log(self.channels)
        return found.clamp(0, 1)
