"""Semantic segmentation: the class of every pixel."""

# no `from __future__ import annotations`: jsonargparse (4.53) then does not recognize colors as
# strings, and writes "#rrggbb" into config.yaml as a comment
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ctal.errors import InputError
from ctal.losses import ClassLoss
from ctal.maps import UNLABELLED_CLASS
from ctal.tasks.base import TRAINING_ONLY
from ctal.tasks.classes import ClassTask
from ctal.tasks.colours import class_colours


@dataclass(frozen=True)
class SemanticSegmentation(ClassTask):
    """One of `num_classes` classes per pixel.

    Args:
        num_classes: 2..255, since the id 255 marks pixels without a label.
        class_names: a name for each class, or None.
        colours: a color "#rrggbb" for each class; None: a fixed palette.
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: the cross entropy.

    Raises:
        InputError: an argument is invalid.
    """

    num_classes: int
    class_names: Sequence[str] | None = None
    colours: Sequence[str] | None = None
    name: str = "semseg"
    criterion: ClassLoss | None = field(default=None, compare=False, metadata=TRAINING_ONLY)

    def __post_init__(self) -> None:
        if type(self.num_classes) is not int or not 2 <= self.num_classes <= UNLABELLED_CLASS:
            raise InputError(
                f"num_classes: expected an integer in 2..255, got {self.num_classes!r}"
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
        for name in self.class_names or ():
            # a lone surrogate, possible in JSON, cannot be written to a file
            if not isinstance(name, str) or re.search("[\ud800-\udfff]", name):
                raise InputError(f"class_names: expected strings, got {name!r}")
        for colour in self.colours or ():
            if not re.fullmatch("#[0-9a-fA-F]{6}", str(colour)):
                raise InputError(f"colours: expected '#rrggbb', got {colour!r}")
        super().__post_init__()

    @property
    def channels(self) -> int:
        """Return the number of classes."""
        return self.num_classes

    def palette(self) -> list[str]:
        """Return the color "#rrggbb" of each class."""
        return list(self.colours or class_colours(self.num_classes))
