"""Options of CTAL beyond the paper, compared with dense references in float64."""

import pytest
import torch
import torch.nn.functional as F

from ctal import CTAL
from ctal.errors import InputError
from ctal.explanation import capture_affinities
from ctal.networks import AffinityRefinement, MultiScaleCTALNet
from ctal.tasks import Depth, SemanticSegmentation

TASKS = ["semseg", "depth", "normals"]
SIZE = (4, 6)


def features(channels=5, size=SIZE):
    return {task: torch.randn(2, channels, *size, dtype=torch.float64) for task in TASKS}


def propagated(module, x):
    """Compute sum_q G_t[j, q] V_t[:, q] with explicit affinities, {task: (B, C, H, W)}."""
    keys = {task: x[task].flatten(2) for task in TASKS}
    values = {task: module.value[task](x[task]).flatten(2) for task in TASKS}
    if module.centered:
        keys = {task: k - k.mean(-1, keepdim=True) for task, k in keys.items()}
        values = {task: v - v.mean(-1, keepdim=True) for task, v in values.items()}
    units = {task: F.normalize(k, dim=1) for task, k in keys.items()}
    affinities = torch.stack([units[task].mT @ units[task] for task in TASKS], 1)  # (B, T, P, P)
    H, W = module.size
    weight, bias = module.mixing()
    out = {}
    for t, task in enumerate(TASKS):
        rows = []
        for j in range(H * W):
            maps = affinities[:, :, j].unflatten(-1, (H, W))
            kernel = weight[t % len(weight), j][None]
            mixed = F.conv2d(maps, kernel, padding=weight.shape[-1] // 2).flatten(1)
            rows.append(mixed + bias[t % len(bias), j])
        out[task] = (values[task] @ torch.stack(rows, 1).mT).unflatten(-1, (H, W))
    return out


@pytest.mark.parametrize("method", ["dense", "factorised"])
@pytest.mark.parametrize("centered", [False, True])
def test_normalized_addition_equals_the_dense_reference_in_values_and_gradients(method, centered):
    torch.manual_seed(0)
    module = CTAL(TASKS, 5, SIZE, centered=centered, norm_start=0.25, method=method).double()
    x = {task: maps.requires_grad_() for task, maps in features().items()}
    out = module(x)
    expected = {}
    for task, raw in propagated(module, x).items():
        mean = raw.mean((0, 2, 3), keepdim=True)
        deviation = raw.var((0, 2, 3), keepdim=True, unbiased=False).add(1e-5).sqrt()
        expected[task] = x[task] + 0.25 * (raw - mean) / deviation
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    tensors = [*x.values(), module.mixing_weight, module.value["depth"].weight]
    found, wanted = (
        torch.autograd.grad(sum((y**2).sum() for y in maps.values()), tensors)
        for maps in (out, expected)
    )
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_centered_blend_with_gamma_keeps_the_uncentered_features():
    torch.manual_seed(0)
    module = CTAL(TASKS, 5, SIZE, centered=True, gamma=0.2).double()
    x = features()
    raw = propagated(module, x)
    expected = {task: 0.2 * raw[task] + 0.8 * x[task] for task in TASKS}
    torch.testing.assert_close(module(x), expected, rtol=1e-10, atol=1e-10)


def test_centered_affinities_do_not_change_when_a_constant_is_added_to_a_channel():
    torch.manual_seed(0)
    module = CTAL(TASKS, 5, SIZE, centered=True)
    x = {task: maps.float() for task, maps in features().items()}
    shifted = {task: maps + torch.randn(1, 5, 1, 1) for task, maps in x.items()}
    torch.testing.assert_close(module.inputs(x)[0], module.inputs(shifted)[0])


def test_pooling_adds_the_change_at_the_lower_resolution():
    torch.manual_seed(0)
    size = (8, 12)
    refinement = AffinityRefinement(
        TASKS, 7, size, channels=5, upsample=False, pooling=2, centered=True
    ).double()
    assert refinement.ctal.size == (4, 6)
    x = features(7, size)
    reduced = {task: refinement.reduce[task](x[task]) for task in TASKS}
    pooled = {
        task: maps.unflatten(2, (4, 2)).unflatten(4, (6, 2)).mean((3, 5))
        for task, maps in reduced.items()
    }
    raw = propagated(refinement.ctal, pooled)
    for task, found in refinement(x).items():
        change = 0.05 * (raw[task] - pooled[task])
        resized = F.interpolate(change, scale_factor=2, mode="bilinear")
        torch.testing.assert_close(found, reduced[task] + resized, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("pooling", [0, 3])
def test_pooling_must_divide_the_size(pooling):
    with pytest.raises(InputError, match=rf"pooling: .* divides the size \(8, 10\).*got {pooling}"):
        AffinityRefinement(TASKS, 7, (8, 10), pooling=pooling)


def test_the_control_has_the_weights_of_the_network_without_ctal():
    tasks = [SemanticSegmentation(4), Depth()]
    whole, control = (
        MultiScaleCTALNet(
            tasks, "test_resnet", image_size=64, channels=8, lean=True, affinities=affinities
        )
        for affinities in (True, False)
    )
    names = {name for name in whole.state_dict() if not name.startswith("refinement.ctal.")}
    assert set(control.state_dict()) == names
    control.load_state_dict({name: whole.state_dict()[name] for name in names})
    whole.refinement.ctal.gamma = 0.0
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(control.eval()(x).final, whole.eval()(x).final)
    with pytest.raises(InputError, match="has no CTAL module"), capture_affinities(control):
        pass


def test_explained_contributions_sum_to_the_change_of_the_features():
    torch.manual_seed(0)
    module = CTAL(TASKS, 5, SIZE, centered=True, norm_start=0.3).eval()
    for norm in module.norm.values():
        norm.running_var.uniform_(0.5, 2)
    x = {task: maps[:1].float() for task, maps in features().items()}
    with capture_affinities(module) as seen:
        out = module(x)
    found = seen["ctal"].at((2, 1))
    for t, task in enumerate(TASKS):  # running means and biases are 0: BatchNorm only scales
        change = (out[task] - x[task])[0, :, 1, 2].norm()
        assert found.added[t] == pytest.approx(change.item(), rel=1e-4)
        assert found.kept[t] == pytest.approx(x[task][0, :, 1, 2].norm().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_start": -1.0}, "norm_start: expected a finite number >= 0, got -1.0"),
        ({"norm_start": 0.1, "learned_gamma": True}, "norm_start: .*learned_gamma has no effect"),
    ],
)
def test_invalid_options(options, message):
    with pytest.raises(InputError, match=message):
        CTAL(TASKS, 5, SIZE, **options)
