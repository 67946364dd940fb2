"""Affinity through soft regions, against dense matrices; the network around it."""

import pytest
import torch

from ctal.errors import InputError
from ctal.factorised.soft_regions import soft_region_affinity
from ctal.networks import MultiScaleRegionNet, RegionAffinity
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

TASKS = ["semseg", "depth", "normals"]


def dense(logits, values, shares):
    """The definition with P x P matrices, and the matrices: (B, T, P, P)."""
    phi = logits.flatten(3).softmax(2)  # (B, T, K, P)
    affinity = (phi / phi.sum(3, keepdim=True)).mT @ phi
    joint = torch.einsum("tk,bkjq->btjq", shares, affinity)
    out = torch.einsum("btcq,btjq->btcj", values.flatten(3), joint)
    return out.view(values.shape), affinity


def make(size=(9, 12), regions=5, channels=6):
    torch.manual_seed(0)
    logits = 2 * torch.randn(2, 3, regions, *size, dtype=torch.float64)
    values = torch.randn(2, 3, channels, *size, dtype=torch.float64)
    shares = torch.rand(3, 3, dtype=torch.float64)
    return [x.requires_grad_() for x in (logits, values, shares)]


def test_equals_the_dense_matrices_gradients_too():
    inputs = make()
    results = []
    for out in (soft_region_affinity(*inputs), dense(*inputs)[0]):
        loss = (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum()
        results.append([out, *torch.autograd.grad(loss, inputs)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_affinities_are_symmetric_and_rows_sum_to_1():
    affinity = dense(*make())[1]
    torch.testing.assert_close(affinity, affinity.mT)
    torch.testing.assert_close(affinity.sum(3), torch.ones_like(affinity[..., 0]))


def test_pixels_of_hard_regions_get_the_mean_of_their_region():
    region = torch.tensor([[0, 0, 1], [1, 1, 2]])
    logits = 1e4 * torch.nn.functional.one_hot(region, 4).permute(2, 0, 1)[None, None].float()
    values = torch.arange(6.0).view(1, 1, 1, 2, 3)
    out = soft_region_affinity(logits, values, torch.ones(1, 1))  # region 3 is empty
    means = torch.tensor([0.5, 3.0, 5.0])
    torch.testing.assert_close(out[0, 0, 0], means[region])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_keep_float32_precision_under_autocast(dtype):
    logits, values, shares = [x.detach().float() for x in make((32, 32))]
    expected = soft_region_affinity(logits, values, shares)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close(soft_region_affinity(logits, values, shares), expected)


def test_a_gate_of_0_changes_nothing():
    torch.manual_seed(0)
    features = {task: torch.randn(2, 8, 6, 5) for task in TASKS}
    refined = RegionAffinity(TASKS, 8, regions=4, gate=0.0)(features)
    torch.testing.assert_close(refined, features)


def test_every_task_learns_from_every_other():
    torch.manual_seed(0)
    module = RegionAffinity(TASKS, 8, regions=4)
    features = {task: torch.randn(2, 8, 6, 5, requires_grad=True) for task in TASKS}
    module(features)["depth"].square().sum().backward()
    assert all(features[task].grad.abs().sum() > 0 for task in TASKS)


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match="regions: expected an integer >= 1, got 0"):
        RegionAffinity(TASKS, 8, regions=0)
    with pytest.raises(InputError, match="channels: expected an integer >= 1, got 0"):
        RegionAffinity(TASKS, 0)
    with pytest.raises(InputError, match="expected the tasks"):
        RegionAffinity(TASKS, 8)({"depth": torch.zeros(1, 8, 2, 2)})
    with pytest.raises(InputError, match="regions: expected an integer >= 0, got -1"):
        MultiScaleRegionNet([Depth()], "test_resnet", image_size=(32, 32), regions=-1)


def test_without_regions_the_network_is_the_control():
    tasks = [SemanticSegmentation(5), Depth(), SurfaceNormals()]
    with_, without = (
        MultiScaleRegionNet(tasks, "test_resnet", image_size=(64, 64), channels=8, regions=regions)
        for regions in (4, 0)
    )
    names = {name for name, _ in with_.named_parameters()}
    missing = names - {name for name, _ in without.named_parameters()}
    assert missing
    assert all(name.startswith("refinement.") for name in missing)
    raw = without.predict_raw(torch.rand(2, 3, 64, 64)).final
    assert raw["normals"].shape == (2, 3, 16, 16)
