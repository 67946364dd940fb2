import itertools

import pytest

from ctal.data.sampling import EpochSampler, EvaluationSampler, derived_seed


def order(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_epoch_is_a_different_permutation_of_all_indices():
    sampler = EpochSampler(range(20), seed=1)
    orders = [order(sampler, epoch) for epoch in (0, 1)]
    for epoch, pairs in enumerate(orders):
        assert {e for e, _ in pairs} == {epoch}
        assert sorted(index for _, index in pairs) == list(range(20))
    assert [i for _, i in orders[0]] != [i for _, i in orders[1]]
    assert order(EpochSampler(range(20), seed=1), 1) == orders[1]
    assert order(EpochSampler(range(20), seed=0), 1) != orders[1]


def test_seeds_of_neighboring_positions_differ():
    places = list(itertools.product(range(5), repeat=3))
    assert len({derived_seed(*place) for place in places}) == len(places)
    assert derived_seed(1, 2, 3) == derived_seed(1, 2, 3)


def test_a_resumed_sampler_continues_at_the_interrupted_position():
    whole = EpochSampler(range(20), seed=1)
    resumed = EpochSampler(range(20), seed=1, first_epoch=3, skip=12)
    assert list(resumed) == order(whole, 3)[12:]
    assert order(resumed, 2) == order(whole, 3)[12:]  # Lightning sets earlier epochs first
    assert order(resumed, 4) == order(whole, 4)
    assert len(resumed) == len(whole) == 20


def test_processes_share_an_epoch():
    shares = [order(EpochSampler(range(20), seed=1, replicas=2, rank=rank), 5) for rank in (0, 1)]
    assert sorted(index for share in shares for _, index in share) == list(range(20))
    assert len(shares[0]) == len(shares[1]) == 10


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_evaluation_uses_every_sample_once_over_all_processes(replicas):
    samplers = [
        EvaluationSampler(range(7), replicas=replicas, rank=rank) for rank in range(replicas)
    ]
    assert sorted(index for sampler in samplers for index in sampler) == list(range(7))
    assert [len(sampler) for sampler in samplers] == [len(list(sampler)) for sampler in samplers]
