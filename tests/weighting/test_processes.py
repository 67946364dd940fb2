"""All processes of a run use the same weights of the losses, although their batches differ."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ctal.tasks import Depth, SemanticSegmentation
from ctal.weighting import DynamicWeightAverage, RandomWeighting

TASKS = [SemanticSegmentation(2), Depth()]
# the losses of a process in an epoch of one batch
LOSSES = [[(1.0, 3.0), (1.0, 4.0), (1.0, 1.0)], [(3.0, 5.0), (1.0, 2.0), (2.0, 2.0)]]


def weigh(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.manual_seed(rank)
    weights = {}
    for kind in (DynamicWeightAverage, RandomWeighting):
        weights[kind.__name__] = weights_of(kind(TASKS), LOSSES[rank])
    (folder / f"{rank}.json").write_text(json.dumps(weights))
    dist.destroy_process_group()


def weights_of(weighting, epochs):
    weights = []
    for epoch, (semseg, depth) in enumerate(epochs):
        weighting.start_batch(epoch)
        weighting({"semseg": torch.tensor(semseg), "depth": torch.tensor(depth)})
        weights.append(weighting.weights.tolist())
    return weights


@pytest.fixture(scope="module")
def weights_by_rank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(weigh, args=(folder,), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_weights_depend_on_the_mean_over_processes(weights_by_rank):
    means = [tuple(torch.tensor(pair).mean(dim=0).tolist()) for pair in zip(*LOSSES, strict=True)]
    expected = weights_of(DynamicWeightAverage(TASKS), means)
    assert expected[-1] != [1, 1]
    for weights in weights_by_rank:
        torch.testing.assert_close(
            torch.tensor(weights["DynamicWeightAverage"]), torch.tensor(expected)
        )


def test_random_weights_come_from_the_first_process(weights_by_rank):
    torch.manual_seed(0)
    expected = weights_of(RandomWeighting(TASKS), LOSSES[0])
    assert [weights["RandomWeighting"] for weights in weights_by_rank] == [expected, expected]
