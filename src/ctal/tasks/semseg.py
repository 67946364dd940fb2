"""Semantic segmentation: the class of every pixel."""

# no `from __future__ import annotations`: jsonargparse (4.53) then cannot tell that colours are
# strings, and writes "#rrggbb" into config.yaml as a comment
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric

from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS, ClassMap
from ctal.metrics.semseg import MeanIoU, PixelAccuracy, labelled_classes
from ctal.tasks.base import Task, masked, masked_mean
from ctal.tasks.colours import class_colours


@dataclass(frozen=True)
class SemanticSegmentation(Task):
    """One of `num_classes` classes per pixel; its loss is the cross entropy.

    Args:
        num_classes: 2..255, since the id 255 marks pixels without a label.
        class_names: a name for each class, or None.
        colours: a colour "#rrggbb" for each class; None: a fixed palette.
        name: key of the task's map in samples and outputs.

    Raises:
        InputError: an argument is not of this form.
    """

    num_classes: int
    class_names: Sequence[str] | None = None
    colours: Sequence[str] | None = None
    name: str = "semseg"

    map_type = ClassMap
    unit = "class id"
    error_limit = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if type(self.num_classes) is not int or not 2 <= self.num_classes <= UNLABELLED_CLASS:
            raise InputError(
                f"num_classes: expected a whole number in 2..255, got {self.num_classes!r}"
            )
        for key in ("class_names", "colours"):
            given = getattr(self, key)
            if given is None:
                continue
            if isinstance(given, str) or len(given) != self.num_classes:
                raise InputError(
                    f"{key}: expected a list of {self.num_classes}, one per class (num_classes), "
                    f"got {given!r}"
                )
            # a tuple: a frozen task is hashable, and equal to one read back from a file
            object.__setattr__(self, key, tuple(given))
        for colour in self.colours or ():
            if not re.fullmatch("#[0-9a-fA-F]{6}", str(colour)):
                raise InputError(f"colours: expected '#rrggbb', got {colour!r}")

    @property
    def channels(self) -> int:
        """One score per class."""
        return self.num_classes

    def palette(self) -> list[str]:
        """The colour "#rrggbb" of each class."""
        return list(self.colours or class_colours(self.num_classes))

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of softmax(raw), mean over labelled pixels."""
        valid = self.valid(target)
        classes = torch.where(valid, target, 0)
        return masked_mean(F.cross_entropy(masked(raw, valid), classes, reduction="none"), valid)

    def decode(self, raw: Tensor) -> Tensor:
        """The class of the highest score, (B, H, W) int64."""
        return raw.argmax(dim=1)

    def encode(self, target: Tensor) -> Tensor:
        """One-hot, (B, num_classes, H, W) float32; zeros where unlabelled."""
        classes = torch.arange(self.num_classes, device=target.device)
        return (target.unsqueeze(1) == classes[:, None, None]).float()

    def valid(self, target: Tensor) -> Tensor:
        """Which pixels are not 255."""
        return labelled_classes(target)

    def check(self, target: Tensor) -> None:
        """Looks for class ids outside 0..num_classes - 1 that are not 255."""
        wrong = target[((target < 0) | (target >= self.num_classes)) & self.valid(target)]
        if wrong.numel():
            raise InputError(
                f"{self.name}: expected class ids 0..{self.num_classes - 1}, or 255 where there is "
                f"no label, got {sorted(set(wrong.tolist()))[:10]} (in {wrong.numel()} pixels)"
            )

    def metrics(self) -> dict[str, Metric]:
        """Mean IoU and the share of right pixels."""
        return {"miou": MeanIoU(self.num_classes), "pixel_accuracy": PixelAccuracy()}

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """1 where the class is wrong, 0 where it is right."""
        wrong = (prediction != target).float()
        return torch.where(self.valid(target), wrong, torch.nan)

    def paint(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Every class in its colour, whatever the reference; black where unlabelled."""
        colours = torch.zeros(UNLABELLED_CLASS + 1, 3, dtype=torch.uint8)
        for index, colour in enumerate(self.palette()):
            colours[index] = torch.tensor(list(bytes.fromhex(colour[1:])))
        return colours[prediction.cpu()].movedim(-1, 0)
