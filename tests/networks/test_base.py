"""Arguments and predictions of all networks."""

import copy
import pickle
import re

import pytest
import torch
from tests.small_networks import TASKS, shared_encoder

from ctal import CTAL
from ctal.errors import InputError
from ctal.networks import Predictions, SharedEncoderNet
from ctal.networks.normalization import normalization_errors
from ctal.tasks import Depth, Edges, SemanticSegmentation


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["depth"], "got 'depth'; pass ctal.tasks.Depth()"),
        (
            [Edges(), "semseg"],
            "'semseg'; pass ctal.tasks.SemanticSegmentation(num_classes=...)",
        ),
        (["Depth"], "got 'Depth'; pass ctal.tasks.Depth()"),
        ([Depth], "got <class 'ctal.tasks.depth.Depth'>; pass ctal.tasks.Depth()"),
        (["flow"], "got 'flow'; pass a task such as ctal.tasks.Depth()"),
        ([None], "got None; pass a task such as ctal.tasks.Depth()"),
        ("depth", "got 'depth'; pass [ctal.tasks.Depth()]"),
        (Depth(), f"got {Depth()!r}; pass [{Depth()!r}]"),
        (None, "got None; pass [a task such as ctal.tasks.Depth()]"),
        ([], "got []"),
        ([Depth(), Depth()], "got ['depth', 'depth']"),
    ],
)
def test_invalid_tasks(tasks, message):
    with pytest.raises(InputError, match=rf"^tasks: expected .*{re.escape(message)}$"):
        SharedEncoderNet(tasks, "test_resnet", image_size=32)


@pytest.mark.parametrize("tasks", [TASKS, "depth", [], ["a", "a"]])
def test_ctal_expects_names(tasks):
    with pytest.raises(InputError, match=r"^tasks: expected one or more different names of tasks"):
        CTAL(tasks, 4, 3)


def test_tasks_may_be_any_iterable():
    tasks = [SemanticSegmentation(3), Depth()]
    network = SharedEncoderNet(iter(tasks), "test_resnet", image_size=32)
    assert network.tasks == tasks
    assert list(network.heads) == ["semseg", "depth"]


def test_predictions_by_task():
    network = shared_encoder()
    predictions = network(torch.rand(1, 3, 32, 64))
    assert predictions["depth"] is predictions.final["depth"] is predictions[0]["depth"]
    final, initial = predictions
    assert final is predictions.final
    assert initial is predictions[1] is predictions[-1]
    with pytest.raises(KeyError, match="flow"):
        predictions["flow"]
    for again in (copy.copy(predictions), pickle.loads(pickle.dumps(Predictions({"a": 1}, [])))):
        assert isinstance(again, Predictions)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_error_of_one_value_per_channel_names_batch_and_image_size(compiled):
    network = SharedEncoderNet(TASKS, "test_resnet", image_size=32).train()
    if compiled:
        network.compile(backend="eager")
    images = torch.rand(1, 3, 32, 32)
    message = r"^batch_size: .* a batch of 1 at 32x32; use a larger batch_size or image_size$"
    with pytest.raises(InputError, match=message), normalization_errors(images):
        network(images)
    with normalization_errors(images):
        assert network(images.expand(2, -1, -1, -1))["depth"].shape == (2, 1, 32, 32)
        network.eval()(images)


def test_other_errors_are_propagated():
    for error in (ValueError("another"), InputError("more than 1 value per channel")):
        with pytest.raises(type(error)) as caught, normalization_errors(torch.rand(1, 3, 32, 32)):
            raise error
        assert caught.value is error


def test_the_same_for_instance_normalization():
    images = torch.rand(2, 3, 1, 1)
    with pytest.raises(InputError, match="batch_size"), normalization_errors(images):
        torch.nn.InstanceNorm2d(3)(images)
