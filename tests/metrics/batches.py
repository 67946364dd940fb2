"""Deterministic batches of predictions and targets for all tasks."""

import torch
from torch import Tensor

from ctal.tasks import Depth, Edges, Saliency, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(6), Depth(), SurfaceNormals(), Edges(), Saliency()]
SIZES = [3, 1, 2, 1, 1]  # images in each batch; uneven, so that a mean of means differs


def make_batches() -> list[dict[str, tuple[Tensor, Tensor]]]:
    """Make five batches of (prediction, target) by task name, with more and more unlabelled pixels.

    Batch 3 has no label at all. Class 5 is nowhere, class 4 is predicted on unlabelled pixels only.
    """
    generator = torch.Generator().manual_seed(7)
    batches = []
    for index, pictures in enumerate(SIZES):
        shape = (pictures, 6, 8)
        known = torch.rand(shape, generator=generator) > (1.0 if index == 3 else 0.2 * index)
        classes = torch.randint(4, shape, generator=generator)
        guess = torch.where(torch.rand(shape, generator=generator) < 0.6, classes, 2)
        depth = torch.rand(shape, generator=generator) * 6 + 0.5
        nearby = depth * (torch.randn(shape, generator=generator) * 0.1 * (index + 1)).exp()
        normals = unit(torch.randn(pictures, 3, 6, 8, generator=generator))
        noise = torch.randn(pictures, 3, 6, 8, generator=generator) * 0.15 * (index + 1)
        answers = torch.randint(2, shape, generator=generator)
        likely = (torch.rand(shape, generator=generator) + 0.5 * answers) / 1.5
        batches.append(
            {
                "semseg": (guess.where(known, 4), classes.where(known, 255)),
                "depth": (nearby[:, None], depth.where(known, 0)[:, None]),
                "normals": (unit(normals + noise), normals * known[:, None]),
                "edges": (likely, answers.where(known, 255)),
                "saliency": (likely.where(known, torch.nan), answers.where(known, 255)),
            }
        )
    return batches


def unit(vectors: Tensor) -> Tensor:
    """Divide vectors (B, 3, H, W) by their lengths."""
    return vectors / vectors.norm(dim=1, keepdim=True)


def score(batches: list[dict[str, tuple[Tensor, Tensor]]]) -> dict[str, float]:
    """Compute all metrics of all tasks over these batches, by "task/metric"."""
    scores = {}
    for task in TASKS:
        for name, metric in task.metrics().items():
            for batch in batches:
                metric.update(*batch[task.name])
            scores[f"{task.name}/{name}"] = metric.compute().item()
    return scores
