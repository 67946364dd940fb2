"""Training: the module, its losses, optimizers, callbacks and checkpoints."""

from ctal.training.module import MultiTaskModule

__all__ = ["MultiTaskModule"]
