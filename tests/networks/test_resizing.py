"""Resizing of networks: resampled mixing of CTAL, restoring, size for an image."""

import copy
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import small_networks
from torch import nn

from ctal import CTAL
from ctal.errors import InputError
from ctal.networks import CTALNet, Encoder
from ctal.networks.resizing import (
    SizedPart,
    nearest_size,
    resample,
    restored_on_error,
    scaled_size,
    shared_copy,
)

TASKS = ["depth", "normals"]
sides = st.integers(1, 9)
sizes = st.tuples(sides, sides)


def mixing_of_constants(size, kernel_size=3, power=0.0):
    """Return a module with mixing that is random over tasks and window, and equal at all pixels."""
    torch.manual_seed(0)
    module = CTAL(TASKS, 4, size, kernel_size=kernel_size, gamma=1.0, mixing_power=power)
    with torch.no_grad():
        for parameter in (module.mixing_weight, module.mixing_bias):
            parameter.copy_(parameter[:, :1].expand_as(parameter).clone())
    return module


class TestCTAL:
    @settings(deadline=None, max_examples=30)
    @given(old=sizes, new=sizes)
    def test_constant_mixing_remains_constant_scaled_by_the_pixels(self, old, new):
        module = mixing_of_constants(old)
        share, names = math.prod(old) / math.prod(new), ("mixing_weight", "mixing_bias")
        before = [getattr(module, name)[:, 0] * share for name in names]
        module.resize(new)
        assert module.size == new
        for parameter, expected in zip([getattr(module, n) for n in names], before, strict=True):
            assert parameter.shape[1] == math.prod(new)
            torch.testing.assert_close(
                parameter, expected[:, None].expand_as(parameter), rtol=1e-5, atol=1e-7
            )

    @pytest.mark.parametrize("power", [0.3, 0.5, 1])
    def test_applied_mixing_does_not_depend_on_the_power(self, power):
        plain, divided = mixing_of_constants((4, 6)), mixing_of_constants((4, 6), power=power)
        with torch.no_grad():
            for parameter in (divided.mixing_weight, divided.mixing_bias):
                parameter *= 24**power
        for module in (plain, divided):
            module.resize((6, 6))
        for a, b in zip(plain.mixing(), divided.mixing(), strict=True):
            torch.testing.assert_close(a, b)

    @pytest.mark.parametrize("new", [(8, 12), (32, 48), (24, 24)])
    @pytest.mark.parametrize(("kernel_size", "tolerance"), [(1, 0.05), (3, 0.2)])
    def test_diffused_features_are_similar_at_another_resolution(self, new, kernel_size, tolerance):
        """For smooth features: weights scaled by P / P' compensate the sum over P' pixels."""
        module = mixing_of_constants((16, 24), kernel_size)
        with torch.no_grad():
            for conv in module.value.values():  # its window includes another part too
                conv.weight.mul_(torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 0]]))
        before = module(smooth_features((16, 24)))
        module.resize(new)
        after = module(smooth_features(new))
        for task in TASKS:
            expected = nn.functional.interpolate(before[task], new, mode="bilinear", antialias=True)
            assert (after[task] - expected).norm() / expected.norm() < tolerance

    def test_bilinear_by_hand(self):
        module = CTAL(TASKS, 4, (1, 2), shared_mixing=True)
        with torch.no_grad():
            module.mixing_weight[0, 0], module.mixing_weight[0, 1] = 0, 8
            module.mixing_bias[0] = torch.tensor([4.0, 0.0])
        module.resize((2, 4))
        rows = torch.tensor([0, 0.5, 1.5, 2.0]).repeat(2)  # 8 * (0, 1/4, 3/4, 1) * 2 / 8
        torch.testing.assert_close(
            module.mixing_weight[0], rows[:, None, None, None].expand(8, 2, 3, 3)
        )
        torch.testing.assert_close(module.mixing_bias[0], 1 - rows / 2)

    def test_resizing_to_the_same_size_changes_nothing(self):
        module = CTAL(TASKS, 4, (3, 5))
        before, values = dict(module.named_parameters()), copy.deepcopy(module.state_dict())
        module.resize((3, 5))
        assert all(p is before[name] for name, p in module.named_parameters())
        assert all(torch.equal(value, values[name]) for name, value in module.state_dict().items())

    def test_only_mixing_parameters_are_replaced(self):
        module = CTAL(TASKS, 4, (3, 5))
        before = dict(module.named_parameters())
        module.resize((6, 5))
        new = {name for name, p in module.named_parameters() if p is not before[name]}
        assert new == {"mixing_weight", "mixing_bias"}
        x = {task: torch.randn(1, 4, 6, 5) for task in TASKS}
        module(x)["depth"].sum().backward()
        assert module.mixing_weight.grad[0].any()
        assert module.mixing_weight.is_contiguous()

    def test_dtype_and_requires_grad_are_kept(self):
        module = CTAL(TASKS, 4, (3, 5)).bfloat16()
        module.mixing_bias.requires_grad_(False)
        module.resize((6, 10))
        assert module.mixing_weight.dtype == module.mixing_bias.dtype == torch.bfloat16
        assert (module.mixing_weight.requires_grad, module.mixing_bias.requires_grad) == (
            True,
            False,
        )

    @pytest.mark.parametrize(
        "size", [(0, 4), (), (2, 3, 4), (2.5, 4), 0, "ab", True, None, 2.5, (float("inf"), 4)]
    )
    def test_invalid_sizes(self, size):
        message = (
            "size: expected height and width in pixels, or one integer >= 1 for a square, got "
        )
        for use in (lambda: CTAL(TASKS, 4, (3, 5)).resize(size), lambda: CTAL(TASKS, 4, size)):
            with pytest.raises(InputError, match=rf"^{message}{re.escape(repr(size))}$"):
                use()

    def test_one_integer_means_a_square(self):
        module = CTAL(TASKS, 4, 3)
        assert module.size == (3, 3)
        module.resize(6)
        assert module.size == (6, 6)
        network = CTALNet(small_networks.TASKS, "test_resnet", image_size=64, channels=8)
        assert network.image_size == (64, 64)
        network.resize(96)
        assert network.image_size == network.encoder.size == (96, 96)
        assert Encoder("test_resnet", image_size=64).size == (64, 64)


def smooth_features(size):
    """Return smooth functions of the image plane, sampled at the pixels of a grid."""
    y, x = ((torch.arange(side) + 0.5) / side for side in size)
    y, x = torch.meshgrid(y, x, indexing="ij")
    waves = [torch.ones(size), torch.cos(2 * x), torch.sin(3 * y), torch.cos(x + 2 * y)]
    return {task: torch.stack(waves).roll(i, 0)[None] for i, task in enumerate(TASKS)}


def test_every_pixel_contributes_when_a_map_is_reduced():
    alone = nn.Parameter(torch.eye(64).view(64, 64, 1))  # map m is 1 only at pixel m
    small = resample(alone, (8, 8), (2, 2), factor=1.0)
    assert (small.flatten(1).sum(1) > 0).all()
    torch.testing.assert_close(small.sum(0), torch.ones(4, 1))  # a weighted mean of all of them


class TestNearestSize:
    @pytest.mark.parametrize(
        ("picture", "size", "expected"),
        [
            ((480, 640), (96, 128), (96, 128)),
            ((3000, 4000), (288, 384), (288, 384)),
            ((640, 480), (96, 128), (128, 96)),
            ((1080, 1920), (288, 384), (256, 448)),
            ((500, 500), (288, 384), (320, 320)),
            ((10, 10_000), (96, 128), (32, 384)),
            ((7, 5), (32, 32), (32, 32)),
        ],
    )
    def test_aspect_ratio_of_the_image_with_the_pixels_of_the_size(self, picture, size, expected):
        assert nearest_size(picture, size, 32) == expected

    @given(
        picture=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
        blocks=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    )
    def test_multiples_of_bounded_size(self, picture, blocks):
        size = (32 * blocks[0], 32 * blocks[1])
        found = nearest_size(picture, size, 32)
        assert min(found) >= 32
        assert not any(side % 32 for side in found)
        assert math.prod(found) <= 4 * math.prod(size)
        assert nearest_size(size, size, 32) == size


def test_resizable_modules_are_found_by_their_methods():
    assert isinstance(CTAL(TASKS, 4, (3, 5)), SizedPart)
    assert isinstance(Encoder("test_resnet", image_size=(32, 64)), SizedPart)
    assert not isinstance(nn.Conv2d(1, 1, 1), SizedPart)


def test_sizes_of_modules_remain_integers():
    assert scaled_size((24, 32), (96, 128), (192, 160)) == (48, 40)
    with pytest.raises(InputError, match=r"features of 24x32 at 96x128 .* got 98x128"):
        scaled_size((24, 32), (96, 128), (98, 128))


def test_restored_after_any_error():
    module = nn.Sequential(CTAL(TASKS, 4, (3, 5)), nn.BatchNorm2d(4))
    before, extra = dict(module.named_parameters()), nn.Conv2d(1, 1, 1)

    def interrupted():
        with restored_on_error(module):
            module[0].resize((6, 10))
            module[1] = extra
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert module[0].size == (3, 5)
    assert isinstance(module[1], nn.BatchNorm2d)
    assert all(p is before[name] for name, p in module.named_parameters())


def test_a_shared_copy_holds_the_same_parameters_until_it_is_resized():
    module = CTAL(TASKS, 4, (3, 5))
    other = shared_copy(module)
    assert all(a is b for a, b in zip(module.parameters(), other.parameters(), strict=True))
    other.resize((6, 5))
    assert module.size == (3, 5)
    assert module.mixing_weight.shape[1] == 15
    assert module.value["depth"].weight is other.value["depth"].weight
