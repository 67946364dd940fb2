"""Training: the module, its losses, optimizers, callbacks and checkpoints."""

from ctal.training.freezing import FreezeEncoder
from ctal.training.module import MultiTaskModule
from ctal.training.parameter_groups import ParameterGroups
from ctal.training.schedules import Cosine, Polynomial, SequentialLR

__all__ = [
    "Cosine",
    "FreezeEncoder",
    "MultiTaskModule",
    "ParameterGroups",
    "Polynomial",
    "SequentialLR",
]
