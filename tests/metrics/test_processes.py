"""Metrics over two processes equal those of one process."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from tests.metrics.batches import make_batches, score

SHARES = {"even": [[0, 1], [2, 4]], "uneven": [[0, 2, 3, 4], [1]], "no label": [[0, 1, 2, 4], [3]]}


def score_share(rank: int, folder: Path) -> None:
    """Score one process's share of the batches, for all ways to share them."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    batches = make_batches()
    scores = {name: score([batches[i] for i in share[rank]]) for name, share in SHARES.items()}
    (folder / f"{rank}.json").write_text(json.dumps(scores))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def scores_by_rank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(score_share, args=(folder,), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("share", SHARES)
def test_two_processes_give_the_scores_of_one(scores_by_rank, share):
    batches = make_batches()
    expected = score([batches[i] for part in SHARES[share] for i in part])
    assert len(expected) == 18
    for scores in scores_by_rank:
        assert scores[share] == pytest.approx(expected, rel=1e-12)
