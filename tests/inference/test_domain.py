"""Entropies of predictions, and the note about unfamiliar images."""

import pytest
import torch
from tests.small_networks import write_checkpoint

import ctal
from ctal.errors import InputError
from ctal.inference import Model
from ctal.inference.domain import note_on_domain
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation

ABOUT = {"domain": {"images": "indoor scenes", "entropy": {"semseg": 0.4}}}


def model(tasks):
    torch.manual_seed(0)
    return Model(SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32)))


def test_a_prediction_has_the_entropy_of_its_classes():
    found = model([SemanticSegmentation(4), Depth()])
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    maps = found.predict(image, entropy=True)
    assert set(maps) == {"semseg", "depth", "semseg_entropy"}
    raw = found.network(image[None] / 255).final["semseg"]
    p = raw.softmax(dim=1)
    expected = -(p * p.log()).sum(dim=1)[0] / torch.log(torch.tensor(4.0))
    torch.testing.assert_close(torch.from_numpy(maps["semseg_entropy"]), expected.detach())
    tiled = found.predict(torch.zeros(3, 70, 40), entropy=True, tiled=True)
    assert tiled["semseg_entropy"].shape == (70, 40)
    plain = found.predict(image)
    assert set(plain) == {"semseg", "depth"}
    assert all((plain[name] == maps[name]).all() for name in plain)


def test_a_network_without_classes_has_no_entropy():
    with pytest.raises(InputError, match=r"^entropy: expected a network with classes, got depth$"):
        model([Depth()]).predict(torch.zeros(3, 32, 32), entropy=True)


def test_workers_for_entropies_of_a_network_without_classes_are_refused(tmp_path):
    checkpoint = write_checkpoint(model([Depth()]).network, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"^entropy: expected a network with classes, got depth$"):
        ctal.BatchPredictor(checkpoint, entropy=True)


def test_an_unsure_image_has_a_note():
    unsure = {"semseg_entropy": torch.tensor([[0.3, 0.6]])}
    note = note_on_domain(ABOUT, unsure)
    assert "trained on indoor scenes" in note
    assert "0.45" in note
    assert "0.40" in note
    assert note_on_domain(ABOUT, {"semseg_entropy": torch.tensor([[0.3, 0.4]])}) == ""


@pytest.mark.parametrize(
    "about",
    [{}, {"domain": 3}, {"domain": {"entropy": 1}}, {"domain": {"entropy": {"semseg": "x"}}}],
)
def test_no_note_without_a_limit(about):
    assert note_on_domain(about, {"semseg_entropy": torch.ones(2, 2)}) == ""


def test_long_descriptions_are_cut():
    about = {"domain": {"images": "x" * 1000, "entropy": {"semseg": 0.1}}}
    assert len(note_on_domain(about, {"semseg_entropy": torch.ones(2, 2)})) < 400
