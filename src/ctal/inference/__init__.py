"""Inference: load a trained network and predict maps of images."""

from ctal.inference.batches import BatchPredictor
from ctal.inference.loading import load
from ctal.inference.model import Model

__all__ = ["BatchPredictor", "Model", "load"]
