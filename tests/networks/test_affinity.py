"""CTAL module, compared with outputs and gradients of the published one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ctal import CTAL
from ctal.errors import InputError
from ctal.networks import AffinityRefinement

GOLDENS = Path(__file__).parents[3] / "shared/goldens/ctal_shared_mixing.safetensors"
TASKS = ["semseg", "depth", "normals"]


@pytest.mark.skipif(not GOLDENS.is_file(), reason="the published module's outputs are not here")
@pytest.mark.parametrize("method", ["dense", "factorised"])
def test_published_outputs_and_gradients(method):
    golden = load_file(GOLDENS)
    module = CTAL(TASKS, 6, (5, 7), shared_mixing=True, method=method).double()
    state = {
        "mixing_weight": golden["mixing.weight"][None],
        "mixing_bias": golden["mixing.bias"][None],
    }
    state |= {key: value for key, value in golden.items() if key.startswith("value.")}
    module.load_state_dict(state)
    inputs = {task: golden[f"in.{task}"].requires_grad_() for task in TASKS}
    out = module(inputs)
    sum((i + 1) * (out[task] ** 2).sum() for i, task in enumerate(TASKS)).backward()

    found = {f"out.{task}": out[task] for task in TASKS}
    found |= {f"grad_in.{task}": inputs[task].grad for task in TASKS}
    found |= {f"grad_value.{t}.weight": module.value[t].weight.grad for t in TASKS}
    found["grad_mixing.weight"] = module.mixing_weight.grad[0]
    found["grad_mixing.bias"] = module.mixing_bias.grad[0]
    for key, tensor in found.items():
        torch.testing.assert_close(tensor, golden[key], rtol=1e-10, atol=1e-10, msg=key)


def features(channels=4, size=(3, 5)):
    return {task: torch.randn(2, channels, *size) for task in TASKS}


def test_gamma_blends_features_with_the_diffused_ones():
    torch.manual_seed(0)
    x = features()
    module = CTAL(TASKS, 4, (3, 5))
    outputs = {}
    for gamma in (0.0, 0.5, 1.0):
        module.gamma = gamma
        outputs[gamma] = module(x)
    for task in TASKS:
        torch.testing.assert_close(outputs[0.0][task], x[task])
        torch.testing.assert_close(outputs[0.5][task], (outputs[1.0][task] + x[task]) / 2)


def test_a_learned_gamma_has_the_given_initial_value_and_a_gradient():
    torch.manual_seed(0)
    x = features()
    module = CTAL(TASKS, 4, (3, 5), gamma=0.2, learned_gamma=True)
    constant = CTAL(TASKS, 4, (3, 5), gamma=0.2)
    constant.load_state_dict({k: v for k, v in module.state_dict().items() if k != "gamma"})
    out = module(x)
    torch.testing.assert_close(out, constant(x))
    sum(y.sum() for y in out.values()).backward()
    constant.gamma = 1.0  # what is diffused
    expected = sum((y - x[task]).sum() for task, y in constant(x).items())
    torch.testing.assert_close(module.gamma.grad, expected.detach())


def test_the_order_of_tasks_does_not_depend_on_the_features():
    torch.manual_seed(0)
    x = features()
    module = CTAL(TASKS, 4, (3, 5))
    forwards, backwards = module(x), module(dict(reversed(x.items())))
    assert list(forwards) == list(backwards) == list(module.value) == TASKS
    for task in TASKS:
        torch.testing.assert_close(forwards[task], backwards[task])


def test_each_target_task_has_its_own_mixing_unless_shared():
    torch.manual_seed(0)
    own, shared = CTAL(TASKS, 4, (3, 5)), CTAL(TASKS, 4, (3, 5), shared_mixing=True)
    assert own.mixing_weight.shape == (3, 15, 3, 3, 3)
    assert shared.mixing_weight.shape == (1, 15, 3, 3, 3)
    x = features()
    before = own(x)
    with torch.no_grad():
        own.mixing_weight[1].zero_()
    after = own(x)
    assert not torch.allclose(before["depth"], after["depth"])
    torch.testing.assert_close(before["semseg"], after["semseg"])


@pytest.mark.parametrize("power", [0, 1])
def test_mixing_is_initialized_as_a_grouped_convolution_for_any_power(power):
    torch.manual_seed(0)
    module = CTAL(TASKS, 4, (20, 20), mixing_power=power)
    bound = (3 * 9) ** -0.5
    for parameter in (module.mixing_weight, module.mixing_bias):
        assert parameter.abs().max() <= bound
        assert parameter.abs().max() > 0.98 * bound
        assert abs(float(parameter.detach().mean())) < 0.05 * bound


def test_uniform_init_gives_all_pixels_the_same_weights():
    torch.manual_seed(0)
    module = CTAL(TASKS, 4, (3, 5), uniform_init=True)
    weight, bias = module.mixing()
    assert len(weight[0].flatten(1).unique(dim=0)) == 1
    assert len(bias[0].unique()) == 1
    assert not torch.equal(weight[0], weight[1])  # tasks still differ
    assert weight.std() > 0.5 * (3 * 27) ** -0.5  # that of a uniform distribution, 1 / sqrt(3 n)
    assert module.mixing_weight.stride() == CTAL(TASKS, 4, (3, 5)).mixing_weight.stride()


def test_mixing_is_divided_by_a_power_of_the_number_of_pixels():
    torch.manual_seed(0)
    x = features(size=(4, 4))
    scaled, plain = CTAL(TASKS, 4, (4, 4), mixing_power=0.5), CTAL(TASKS, 4, (4, 4))
    state = {key: value.clone() for key, value in scaled.state_dict().items()}
    for key in ("mixing_weight", "mixing_bias"):
        state[key] *= 0.25
    plain.load_state_dict(state)
    expected = plain(x)
    for task, out in scaled(x).items():
        torch.testing.assert_close(out, expected[task])


def test_the_optimizer_does_not_cancel_the_division():
    """Adam changes a parameter by the learning rate, and the applied weight by a 15th of it."""
    torch.manual_seed(0)
    module = CTAL(TASKS, 4, (3, 5), mixing_power=1)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    before = module.mixing()[0].detach()
    sum(out.square().sum() for out in module(features()).values()).backward()
    optimizer.step()
    moved = (module.mixing()[0].detach() - before).abs()
    assert moved.max() < 1.01e-3 / 15
    assert moved.median() > 0.9e-3 / 15


@pytest.mark.parametrize(("power", "low", "high"), [(0, 50, 500), (0.5, 1.8, 18), (1, 0.05, 0.5)])
def test_magnitude_of_diffused_features_at_initialization(power, low, high):
    """It grows with P, due to the sum over all P pixels, unless the power is 1."""
    torch.manual_seed(0)
    module = CTAL(TASKS, 16, (24, 32), gamma=1.0, mixing_power=power)
    x = {task: 0.5 + torch.randn(1, 16, 24, 32) for task in TASKS}
    with torch.no_grad():
        diffused = module(x)["depth"].square().mean().sqrt()
        values = module.value["depth"](x["depth"]).square().mean().sqrt()
    assert low < diffused / values < high


def test_parameters_of_one_mixing_at_the_size_of_the_paper():
    module = CTAL(TASKS, 1, (72, 96), shared_mixing=True)
    assert module.mixing_weight.numel() + module.mixing_bias.numel() == 193_536


@pytest.mark.parametrize("bilinear", [False, True])
def test_refinement_doubles_the_resolution(bilinear):
    refine = AffinityRefinement(TASKS, 4, (3, 5), channels=8, bilinear=bilinear)
    assert {task: tuple(x.shape) for task, x in refine(features()).items()} == {
        task: (2, 8, 6, 10) for task in TASKS
    }


def test_refinement_keeps_the_resolution_on_request():
    refine = AffinityRefinement(TASKS, 4, (3, 5), channels=8, upsample=False)
    assert all(x.shape == (2, 8, 3, 5) for x in refine(features()).values())


@pytest.mark.parametrize("bilinear", [False, True])
def test_bilinear_resizing_keeps_constant_features_constant(bilinear):
    torch.manual_seed(0)
    refine = AffinityRefinement(TASKS, 4, (6, 6), channels=8, gamma=0.0, bilinear=bilinear).eval()
    out = refine({task: torch.ones(1, 4, 6, 6) for task in TASKS})["depth"]
    inside = out[..., 2:-2, 2:-2]  # the last convolution pads with zeros
    assert (inside.std((-2, -1)).max() < 1e-6) == bilinear


def test_errors_name_wrong_features():
    module = CTAL(TASKS, 4, (3, 5))
    with pytest.raises(InputError, match=r"\(3, 5\).*built for.*got \(4, 5\)"):
        module(features(size=(4, 5)))
    with pytest.raises(InputError, match="expected the tasks"):
        module({"depth": torch.zeros(1, 4, 3, 5)})
    with pytest.raises(InputError, match="an odd integer >= 1, got 2"):
        CTAL(TASKS, 4, (3, 5), kernel_size=2)
    with pytest.raises(InputError, match=r"method: expected one of .*got 'x'"):
        CTAL(TASKS, 4, (3, 5), method="x")
    with pytest.raises(InputError, match="channels: expected an integer >= 1, got 0"):
        CTAL(TASKS, 0, (3, 5))
    with pytest.raises(InputError, match="an odd integer >= 1, got -1"):
        CTAL(TASKS, 4, (3, 5), kernel_size=-1)
    for name, value in {
        "mixing_power": -1,
        "norm_start": float("nan"),
        "gamma": float("inf"),
    }.items():
        with pytest.raises(InputError, match=rf"^{name}: expected a finite number.*, got {value}$"):
            CTAL(TASKS, 4, (3, 5), **{name: value})


def test_a_learned_gamma_may_be_initialized_with_an_integer():
    module = CTAL(TASKS, 4, (3, 5), gamma=1, learned_gamma=True)
    assert module.gamma.dtype == torch.float32
