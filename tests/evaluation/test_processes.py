"""Scores of a split over several processes equal those of one process."""

import json
import math
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ctal.data.sampling import EvaluationSampler
from ctal.evaluation.evaluator import Scoring
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    InverseDepth,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)

TASKS = [
    SemanticSegmentation(6),
    Depth(),
    SurfaceNormals(),
    Edges(),
    Saliency(),
    HumanParts(),
    InverseDepth(name="disparity"),
]
SAMPLES = 11  # not divisible by the processes or the batches
BATCH = 2
WITHOUT_LABEL = {0, 4, 10}  # of all tasks, among them the whole last batch of one process
SIZE = (6, 8)


def sample(index):
    """Return raw predictions and targets of a sample, the same in every process.

    Class 5 is nowhere, neither predicted nor in a target.
    """
    chance = torch.Generator().manual_seed(index)
    raw, targets = {}, {}
    for task in TASKS:
        raw[task.name] = torch.randn(task.channels, *SIZE, generator=chance)
        values = torch.rand(task.channels, *SIZE, generator=chance) + 0.5
        classes = torch.randint(min(max(task.channels, 2), 5), SIZE, generator=chance)
        targets[task.name] = {
            "normals": values / values.norm(dim=0),
            "depth": values,
            "disparity": values,
        }.get(task.name, classes)
        if index in WITHOUT_LABEL:
            zero = targets[task.name].is_floating_point()
            targets[task.name] = torch.full_like(targets[task.name], 0 if zero else 255)
    raw["semseg"][5] = -100
    return raw, targets


def scores(processes, rank):
    """Score this process's share of the samples, in batches; the last one may be smaller."""
    scoring = Scoring(TASKS)
    indices = list(EvaluationSampler(range(SAMPLES), replicas=processes, rank=rank))
    for start in range(0, len(indices), BATCH):
        several = [sample(index) for index in indices[start : start + BATCH]]
        raw, targets = (
            {task.name: torch.stack([both[part][task.name] for both in several]) for task in TASKS}
            for part in (0, 1)
        )
        batch = {"image": torch.zeros(len(several), 3, *SIZE), **targets}
        loss = torch.tensor([float(index) for index in indices[start : start + BATCH]]).mean()
        scoring.update(raw, batch, loss)
    found = scoring.take()
    return {**found.metrics, "loss": found.loss, "score": found.score, "samples": found.samples}


def score_share(rank: int, processes: int, folder: Path) -> None:
    """Score one process's share and write the result."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=processes)
    (folder / f"{rank}.json").write_text(json.dumps(scores(processes, rank)))
    dist.destroy_process_group()


METRICS = [f"{task.name}/{name}" for task in TASKS for name in task.metrics()]


@pytest.fixture(scope="module")
def expected():
    return scores(1, 0)


@pytest.fixture(scope="module", params=[2, 3])
def scores_by_rank(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(score_share, args=(request.param, folder), nprocs=request.param)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(request.param)]


@pytest.mark.parametrize("metric", [*METRICS, "loss", "score", "samples"])
def test_every_process_has_the_scores_of_one(scores_by_rank, expected, metric):
    assert math.isfinite(expected[metric])
    for found in scores_by_rank:
        assert found[metric] == pytest.approx(expected[metric], rel=0, abs=1e-8)


def test_all_metrics_are_compared(expected):
    assert set(expected) == {*METRICS, "loss", "score", "samples"}
    assert len(METRICS) >= 18
    assert expected["samples"] == SAMPLES
    assert expected["loss"] == 5  # the mean of the indices
