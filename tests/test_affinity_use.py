"""`python -m benchmarks.affinity_use`, on networks with a known affinity term."""

import pytest
import torch
from benchmarks import affinity_use

from ctal.inference import Model
from ctal.networks import CTALNet
from ctal.tasks import Depth, SemanticSegmentation

TASKS = [SemanticSegmentation(3), Depth()]


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = CTALNet(TASKS, "test_resnet", image_size=(32, 64), channels=8, gamma=0.5)
    net.decoders["depth"][2].bias.data += 5  # no depths below 0
    return Model(net)


def batches():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(4, 3, 32, 64, generator=generator)
    semseg = torch.randint(3, (4, 32, 64), generator=generator)
    depth = torch.rand(4, 1, 32, 64, generator=generator) + 1
    return iter([{"image": image, "semseg": semseg, "depth": depth}])


def scored(model, name):
    return affinity_use.scores(model, model.network.refinement.ctal, batches(), name)


def test_left_out_equals_a_network_with_zero_values(model):
    trained, _ = scored(model, "as trained")
    left_out, _ = scored(model, "left out")
    assert left_out != trained
    for value in model.network.refinement.ctal.value.values():
        torch.nn.init.zeros_(value.weight)
        torch.nn.init.zeros_(value.bias)
    without, amounts = scored(model, "as trained")
    assert without == pytest.approx(left_out, rel=1e-4)
    assert amounts["depth"].added == pytest.approx(0, abs=1e-8)


def test_shares_by_hand():
    """The term is 3 at two pixels of a channel for one image, 4 at one pixel of the other."""
    added = torch.zeros(2, 2, 1, 2)
    added[0, 0] = 3
    added[1, 1, 0, 0] = 4
    amounts = affinity_use.Amounts()
    amounts.update(2 * added, added)
    of_all, one_direction, same = amounts.shares()
    assert of_all == pytest.approx(1 / 2)
    assert one_direction == pytest.approx(1)  # each image has one vector of channels
    # mean over images: 1.5, 1.5 and 2; of 34 / 2 in the mean
    assert same == pytest.approx((2 * 1.5**2 + 2**2) / 17)


def test_two_directions():
    added = torch.diag(torch.tensor([2.0, 1.0]))[None, :, None]
    amounts = affinity_use.Amounts()
    amounts.update(added, added)
    assert amounts.shares()[1] == pytest.approx(4 / 5)


def test_a_run_of_another_network_is_rejected(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["affinity_use", "nyuv2-lite"])
    assert affinity_use.main() == 2
    assert capsys.readouterr().err.startswith("error: nyuv2-lite: ")
