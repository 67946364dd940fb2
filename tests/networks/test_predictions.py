"""What a network must return, checked before a loss broadcasts it."""

import re

import pytest
import torch
from torch import nn

from ctal.errors import InputError
from ctal.networks import Network, Predictions
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule

TASKS = [SemanticSegmentation(3), Depth()]


class OfCtal(Network):
    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.layer = nn.Conv2d(3, 4, 1)
        self.returned = None

    def predict_raw(self, images):
        return self.returned(self.layer(images))


class Plain(nn.Module):
    def __init__(self, tasks, *, image_size):
        super().__init__()
        self.tasks = tasks
        self.layer = nn.Conv2d(3, 4, 1)
        self.returned = None

    def forward(self, images):
        return self.returned(self.layer(images))


def maps(y):
    return {"semseg": y[:, :3], "depth": y[:, 3:]}


@pytest.mark.parametrize("kind", [OfCtal, Plain])
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (maps, "expected it to return ctal.networks.Predictions(final, initial), got dict"),
        (
            lambda y: y,
            "expected it to return ctal.networks.Predictions(final, initial), got Tensor",
        ),
        (
            lambda y: Predictions({"semseg": y[:, :3], "dept": y[:, 3:]}, []),
            "Predictions.final: expected a map of 'depth', got maps of semseg, dept",
        ),
        (
            lambda y: Predictions({"semseg": y[:, :3], "depth": y[:, 3]}, []),
            "Predictions.final['depth']: expected a map of the shape (2, 1, {size}), "
            "got (2, 8, 16)",
        ),
        (
            lambda y: Predictions({"semseg": y, "depth": y[:, 3:]}, []),
            "Predictions.final['semseg']: expected a map of the shape (2, 3, {size}), "
            "got (2, 4, 8, 16)",
        ),
        (
            lambda y: Predictions({"semseg": y[:, :3], "depth": y[:, 2:]}, []),
            "Predictions.final['depth']: expected a map of the shape (2, 1, {size}), "
            "got (2, 2, 8, 16)",
        ),
        (
            lambda y: Predictions(maps(y[:1]), []),
            "Predictions.final['semseg']: expected a map of the shape (2, 3, {size}), "
            "got (1, 3, 8, 16)",
        ),
        (
            lambda y: Predictions(maps(y), maps(y)),
            "Predictions.initial: expected a list of dicts, got dict",
        ),
        (
            lambda y: Predictions(maps(y), [maps(y), {"semseg": y[:, :3]}]),
            "Predictions.initial: expected a map of 'depth', got maps of semseg",
        ),
    ],
)
def test_a_wrong_output_is_reported_before_the_loss(kind, returned, message):
    network = kind(TASKS, image_size=(8, 16))
    network.returned = returned
    batch = {
        "image": torch.rand(2, 3, 8, 16),
        "semseg": torch.zeros(2, 8, 16, dtype=torch.int64),
        "depth": torch.ones(2, 1, 8, 16),
    }
    text = f"{kind.__name__}: {message.format(size='H, W' if kind is OfCtal else '8, 16')}"
    module = MultiTaskModule(network)
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        module.training_step(batch, 0)
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        module.validation_step(batch, 0)


def test_maps_of_another_size_than_the_images():
    """`Network` resizes them; a plain module must return the size of the images."""
    images = torch.rand(2, 3, 8, 16)
    of_ctal, plain = OfCtal(TASKS, image_size=(8, 16)), Plain(TASKS, image_size=(8, 16))
    of_ctal.returned = plain.returned = lambda y: Predictions(maps(y[..., ::2, ::2]), [])
    assert MultiTaskModule(of_ctal)(images)["depth"].shape == (2, 1, 8, 16)
    text = "shape (2, 3, 8, 16), got (2, 3, 4, 8)"
    with pytest.raises(InputError, match=re.escape(text)):
        MultiTaskModule(plain)(images)
