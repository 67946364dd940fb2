"""Human parts task; everything shared with semantic segmentation is tested there."""

import pytest
import torch

from ctal.errors import InputError
from ctal.maps import ClassMap
from ctal.tasks import HumanParts, SemanticSegmentation
from ctal.tasks.human_parts import PARTS

TASK = HumanParts()


def test_background_and_six_parts():
    assert TASK.channels == 7
    assert list(PARTS)[:3] == ["background", "head", "torso"]
    assert len(set(TASK.palette())) == 7
    with pytest.raises(InputError, match=r"human_parts: expected class ids 0\.\.6.* got \[7\]"):
        TASK.check(ClassMap(torch.tensor([[0, 6, 255, 7]])))


def test_loss_and_decoding_equal_those_of_seven_classes():
    raw, target = torch.randn(2, 7, 4, 5), torch.randint(7, (2, 4, 5))
    target[0, :2] = 255
    classes = SemanticSegmentation(7)
    assert torch.equal(TASK.loss(raw, target), classes.loss(raw, target))
    assert torch.equal(TASK.decode(raw), classes.decode(raw))


def test_miou_is_over_background_and_the_present_parts():
    metric = TASK.metrics()["miou"]
    # background: 2 of 3; head: 1 of 2; the unlabelled pixel and its torso are ignored
    metric.update(torch.tensor([[[0, 0, 1, 1, 2]]]), torch.tensor([[[0, 0, 0, 1, 255]]]))
    assert metric.compute().item() == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_parts_have_distinct_colors():
    picture = TASK.visualize(ClassMap(torch.tensor([[0, 1, 2, 3, 4, 5, 6, 255]])))
    colours = [tuple(colour) for colour in picture[:, 0].T.tolist()]
    assert len(set(colours)) == 8
    assert colours[7] == (0, 0, 0)
    assert colours[0] == (217, 217, 217)
