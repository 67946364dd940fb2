"""Costs of modules, compared with hand-computed values."""

import time
from functools import partial

import pytest
import torch
from torch import nn

from ctal.networks import MultiScaleCTALNet
from ctal.profiling.modules import WHOLE, part_costs
from ctal.tasks import Depth, SemanticSegmentation

SIZE = (16, 32)
PIXELS = 16 * 32
BYTES = 4 * 3 * PIXELS


class Repeat(nn.Module):
    """Module that repeats its input, which is a single allocation."""

    def __init__(self, times, seconds=0.0):
        super().__init__()
        self.times, self.seconds = times, seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return x.repeat(1, self.times, 1, 1)


class Holding(nn.Module):
    """Network that keeps the output of its first module while the others run."""

    def __init__(self):
        super().__init__()
        self.first = Repeat(2)
        self.lists = nn.ModuleDict({"a": Repeat(1), "b": nn.ModuleList([Repeat(5, seconds=0.01)])})
        self.unused = nn.Linear(3, 4)

    def forward(self, x):
        doubled = self.first(x)
        self.lists["a"](x)
        self.lists["b"][0](x)
        return doubled + 1


class Counted(nn.Module):
    """Network with a grouped convolution in a nested module, and a product between modules."""

    def __init__(self):
        super().__init__()
        self.outer = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, groups=3), nn.ReLU())
        self.again = self.outer[0]  # the same weights, under another name

    def forward(self, x):
        x = self.outer(x).flatten(2)
        return x @ x.transpose(1, 2)


def test_memory_of_live_tensors_by_hand():
    costs = part_costs(Holding(), SIZE)
    assert list(costs) == ["first", "lists", "unused", WHOLE]
    about = partial(pytest.approx, abs=512)  # the profiler's markers are 64 bytes each
    assert costs["first"].memory == about(2 * BYTES)
    assert costs["lists"].memory == about((2 + 5) * BYTES)  # the first output is kept
    assert costs["unused"].memory == 0
    assert costs[WHOLE].memory == about((2 + 5) * BYTES)


def test_time_is_assigned_to_the_module_that_needs_it():
    costs = part_costs(Holding(), SIZE)
    assert costs["lists"].latency > 9
    assert costs[WHOLE].latency >= costs["lists"].latency
    assert costs["first"].latency < 9
    assert costs["unused"].latency == 0


def test_parameters_and_multiply_adds_by_hand():
    costs = part_costs(Counted(), SIZE)
    assert costs["outer"].parameters == costs[WHOLE].parameters == 6 * 9 + 6
    assert costs["again"].parameters == 0  # counted already
    assert costs["outer"].gmacs * 1e9 == pytest.approx(6 * 9 * PIXELS)
    # the product of 6xP and Px6 is in no module
    assert costs[WHOLE].gmacs * 1e9 == pytest.approx(6 * 9 * PIXELS + 6 * 6 * PIXELS)


def test_costs_of_modules_sum_to_the_total():
    tasks = [SemanticSegmentation(5), Depth()]
    network = MultiScaleCTALNet(tasks, "test_resnet", image_size=(32, 64), method="factorised")
    costs = part_costs(network, network.image_size)
    parts = ["encoder", "initial", "fused", "refinement", "decoders"]
    assert list(costs) == [*parts, WHOLE]
    for name in ("parameters", "gmacs"):
        total = sum(getattr(costs[part], name) for part in parts)
        assert total == pytest.approx(getattr(costs[WHOLE], name))
    assert max(costs[part].memory for part in parts) <= costs[WHOLE].memory
    assert all(costs[part].latency > 0 for part in parts)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_hooks_are_removed_if_a_network_fails():
    network = Holding()
    network.forward = lambda x: network.first(x, "one too many")
    with pytest.raises(TypeError):
        part_costs(network, SIZE)
    assert not any(part._forward_hooks for part in network.modules())
    assert torch.is_grad_enabled()
