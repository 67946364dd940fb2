"""Scores of a split in which tasks have few or no labels."""

import math

import pytest
import torch

from ctal.evaluation.evaluator import Scoring
from ctal.tasks import Depth, Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals(), Edges(), Saliency(), HumanParts()]
SIZE = (16, 20)


def blank(pictures):
    """Return a batch without any label."""
    maps = {task.name: torch.stack([task.map_type.blank(*SIZE)] * pictures) for task in TASKS}
    return {"image": torch.zeros(pictures, 3, *SIZE), **maps}


def raw_maps(pictures):
    generator = torch.Generator().manual_seed(pictures)
    shapes = {task.name: (pictures, task.channels, *SIZE) for task in TASKS}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def scoring():
    return Scoring(TASKS)


def test_a_task_without_labels_is_excluded_from_the_score(scoring):
    batch = blank(2)
    batch["depth"] = torch.full((2, 1, *SIZE), 2.0)
    batch["saliency"] = torch.randint(2, (2, *SIZE))
    scoring.update(raw_maps(2), batch, torch.tensor(0.5))
    taken = scoring.take()
    known = {key for key, value in taken.metrics.items() if not math.isnan(value)}
    assert {key.split("/")[0] for key in known} == {"depth", "saliency"}
    assert len(known) == 7 + 2
    expected = math.sqrt(taken.metrics["saliency/maxf"] / taken.metrics["depth/abs_error"])
    assert taken.score == pytest.approx(expected)
    assert taken.samples == 2


def test_a_split_without_labels_has_no_score(scoring):
    scoring.update(raw_maps(2), blank(2), torch.tensor(0.0))
    taken = scoring.take()
    assert math.isnan(taken.score)
    assert all(math.isnan(value) for value in taken.metrics.values())
    assert taken.loss == 0


def test_batches_without_labels_do_not_change_metrics(scoring):
    batch = blank(3)
    for task in TASKS:
        batch[task.name] = task.decode(raw_maps(3)[task.name].flip(0))
        if task.name in ("edges", "saliency"):
            batch[task.name] = batch[task.name].round().long()
    scoring.update(raw_maps(3), batch, torch.tensor(1.0))
    alone = scoring.take().metrics
    scoring.update(raw_maps(2), blank(2), torch.tensor(0.0))
    scoring.update(raw_maps(3), batch, torch.tensor(1.0))
    taken = scoring.take()
    assert taken.metrics == alone
    assert not any(math.isnan(value) for value in alone.values())
    assert taken.samples == 5


def test_a_score_of_zero_still_ranks_checkpoints(scoring):
    batch = blank(1)
    batch["edges"] = torch.ones(1, *SIZE, dtype=torch.int64)
    raw = raw_maps(1) | {"edges": torch.full((1, 1, *SIZE), -50.0)}
    scoring.update(raw, batch, torch.tensor(1.0))
    taken = scoring.take()
    assert taken.metrics["edges/odsf"] == 0
    assert taken.score == pytest.approx(1e-6)


def test_sums_keep_their_precision_with_a_bfloat16_network(scoring):
    """bfloat16, to which Lightning's "bf16-true" converts all modules, counts only to 256."""
    scoring.to(torch.bfloat16)
    batch, raw = blank(1), raw_maps(1)
    for _ in range(300):
        scoring.update(raw, batch, torch.tensor(2.0, dtype=torch.bfloat16))
    taken = scoring.take()
    assert (taken.samples, taken.loss) == (300, 2.0)
