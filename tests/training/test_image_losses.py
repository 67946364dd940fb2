"""Losses of small maps, one image at a time, against those of maps at the size of the labels."""

from contextlib import nullcontext
from dataclasses import dataclass
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from tests.tasks.loss_contract import labels, raw_map

from ctal.losses import L1, Angular, BerHu, CrossEntropy
from ctal.losses.pixels import as_pixel_mean
from ctal.losses.small_maps import cross_entropy_of_small
from ctal.networks import MTINet, Network, Predictions
from ctal.tasks import Depth, Edges, InverseDepth, SemanticSegmentation, SurfaceNormals
from ctal.training import MultiTaskModule
from ctal.training.image_losses import ImageLosses, _OneByOne

SIZE = (12, 20)
WEIGHTED = CrossEntropy([0.1, 0.2, 0.3, 0.4, 0.5], label_smoothing=0.1, ignored_classes=[0])


class Doubled(L1):
    """Overrides one of the two methods of its base."""

    def __call__(self, raw, target, valid):
        return 2 * super().__call__(raw, target, valid)


class Quartered(CrossEntropy):
    """Overrides both methods of its base, but not `small_totals`."""

    def __call__(self, raw, target, valid):
        return super().__call__(raw, target, valid) / 4

    def totals(self, raw, target, valid):
        total, count = super().totals(raw, target, valid)
        return total / 4, count


@dataclass(frozen=True)
class Tempered(SemanticSegmentation):
    """Overrides the preparation of maps."""

    def prepare(self, raw):
        return raw / 2


@dataclass(frozen=True)
class Halved(Depth):
    """Overrides the loss alone."""

    def loss(self, raw, target):
        return super().loss(raw, target) / 2


ONE_BY_ONE = [
    SemanticSegmentation(5),
    SemanticSegmentation(5, criterion=WEIGHTED),
    SemanticSegmentation(5, criterion=CrossEntropy([0.1, 0.2, 0.3, 0.4, 0.5], ignored_classes=[0])),
    SemanticSegmentation(5, criterion=Quartered()),
    Tempered(5),
    Depth(),
    InverseDepth(),
    SurfaceNormals(),
]
WHOLE = [
    Depth(criterion=Doubled()),
    Halved(),
    Depth(criterion=BerHu()),
    SurfaceNormals(criterion=Angular()),
    Edges(),
]


def enlarged(raw, size=SIZE):
    return F.interpolate(raw, size=size, mode="bilinear", align_corners=False)


def losses_and_gradients(task, target, raw):
    """Return the loss and gradient by ctal, and those of the task at the size of the labels."""
    found = []
    for loss_of in (ImageLosses(task, target), lambda x: task.loss(enlarged(x), target)):
        leaf = raw.clone().requires_grad_()
        loss = loss_of(leaf)
        (3 * loss).backward()
        found += [loss.detach(), leaf.grad]
    return found


@pytest.fixture
def calls():
    with patch.object(_OneByOne, "apply", wraps=_OneByOne.apply) as apply:
        yield apply


@pytest.mark.parametrize("task", ONE_BY_ONE + WHOLE, ids=repr)
@pytest.mark.parametrize("small", [(3, 5), (5, 3), SIZE])
def test_loss_and_gradient_equal_those_at_full_size(task, small, calls):
    target, raw = labels(task, batch=3, size=SIZE), raw_map(task, batch=3, size=small)
    target[1] = task.map_type.unlabelled
    loss, grad, expected, expected_grad = losses_and_gradients(task, target, raw)
    torch.testing.assert_close(loss, expected, rtol=2e-6, atol=0)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-7)
    assert calls.called == any(task is one for one in ONE_BY_ONE)  # equal tasks may differ in loss


@pytest.mark.parametrize("task", ONE_BY_ONE, ids=repr)
def test_without_labels_loss_and_gradient_are_zero(task):
    target = torch.full_like(labels(task, size=SIZE), task.map_type.unlabelled)
    raw = raw_map(task, size=(3, 5)).requires_grad_()
    loss = ImageLosses(task, target)(raw)
    loss.backward()
    assert loss.item() == 0
    assert not raw.grad.any()


def test_values_that_are_not_finite_are_ignored_where_unlabelled(calls):
    task, target = Depth(), torch.ones(1, 1, 8, 8)
    target[..., :4] = torch.nan
    raw = torch.full((1, 1, 4, 4), 2.0)
    raw[..., 0] = torch.inf  # reaches the columns 0 to 2 of the enlarged map
    raw.requires_grad_()
    loss = ImageLosses(task, target)(raw)
    loss.backward()
    assert loss.item() == 1
    assert not calls.called


def test_targets_that_are_not_finite_are_ignored():
    task, target = Depth(), torch.ones(1, 1, 8, 8)
    target[..., :4] = torch.nan
    raw = torch.full((1, 1, 4, 4), 2.0, requires_grad=True)
    loss = ImageLosses(task, target)(raw)
    loss.backward()
    assert loss.item() == 1
    # 32 labelled pixels of 4x4 in each of 16: the slopes add up to 1
    assert raw.grad.sum().item() == pytest.approx(1)


def test_bfloat16_maps_get_gradients_of_their_type():
    task = SemanticSegmentation(5)
    raw = raw_map(task, size=(3, 5)).bfloat16()
    loss, grad, expected, expected_grad = losses_and_gradients(task, labels(task, size=SIZE), raw)
    assert loss.dtype == torch.float32
    assert grad.dtype == torch.bfloat16
    assert loss.item() == pytest.approx(expected.item(), rel=1e-2)
    assert (grad - expected_grad).norm() <= 0.01 * expected_grad.norm()


def test_only_means_over_pixels_are_computed_by_image():
    assert as_pixel_mean(L1()) == L1()
    assert as_pixel_mean(Doubled()) is None
    assert as_pixel_mean(BerHu()) is None
    assert as_pixel_mean(None) is None


def training_step(network, *, bfloat16, by_image=True):
    torch.manual_seed(0)
    batch = {"image": torch.rand(2, 3, 32, 64)}
    batch |= {task.name: labels(task, size=(32, 64)) for task in network.tasks}
    module = MultiTaskModule(network)
    module.zero_grad()
    module._resizes &= by_image
    with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
        loss = module.training_step(batch, 0)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in module.parameters()])


@pytest.mark.filterwarnings("ignore:You are trying to .self.log")
@pytest.mark.parametrize("bfloat16", [True, False])
def test_training_in_bfloat16_uses_it(bfloat16, calls):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(5), Depth(), SurfaceNormals(), Edges()]
    network = MTINet(tasks, "test_resnet", image_size=(32, 64), out_channels=[4, 4, 8, 8])
    network.eval()  # no dropout or statistics of a batch
    loss, gradient = training_step(network, bfloat16=bfloat16)
    assert calls.call_count == (3 * 5 if bfloat16 else 0)
    expected, expected_gradient = training_step(network, bfloat16=bfloat16, by_image=False)
    if bfloat16:
        assert loss == pytest.approx(expected, rel=2e-3)
        assert (gradient - expected_gradient).norm() <= 0.03 * expected_gradient.norm()
    else:
        assert loss == expected
        assert torch.equal(gradient, expected_gradient)


class OwnForward(Network):
    """A network with a forward pass of its own."""

    def __init__(self):
        super().__init__([Depth()], image_size=(32, 64))
        self.head = torch.nn.Conv2d(3, 1, 1)

    def forward(self, images):
        return Predictions({"depth": self.head(images)}, [])


@pytest.mark.filterwarnings("ignore:You are trying to .self.log")
def test_a_forward_pass_of_its_own_is_called_without_options(calls):
    loss, _ = training_step(OwnForward(), bfloat16=True)
    assert loss > 0
    assert not calls.called


@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_cross_entropy_without_smoothing_is_computed_by_rows(smoothing):
    task = SemanticSegmentation(5, criterion=CrossEntropy(label_smoothing=smoothing))
    name = "ctal.losses.cross_entropy.cross_entropy_of_small"
    with patch(name, wraps=cross_entropy_of_small) as loops:
        ImageLosses(task, labels(task, size=SIZE))(raw_map(task, size=(3, 5)))
    assert loops.called == (not smoothing)
