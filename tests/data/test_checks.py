"""Training reports invalid samples with the messages of `ctal data check`."""

import pytest
import torch
from torchvision.tv_tensors import Image, Mask

from ctal.data import DenseDataModule
from ctal.data.labels import check_learnable
from ctal.data.pipeline import PreparedDataset
from ctal.data_commands.inspection import Inspection, Problem
from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap

WRONG = {
    "image x 255": ("image", lambda x: Image(x * 255), r"image: expected values in 0\.\.1, .*255"),
    "image below 0": ("image", lambda x: Image(x - 1), r"image: expected values in 0\.\.1"),
    "NaN": ("image", lambda x: Image(x / 0), r"image: expected values in 0\.\.1"),
    "uint8": ("image", lambda x: Image((x * 255).byte()), "image: expected an Image, .*uint8"),
    "plain": (
        "image",
        lambda x: x.as_subclass(torch.Tensor),
        "image: expected an Image, .* Ten",
    ),
    "array": ("image", lambda x: x.numpy(), "image: expected an Image, .*got a ndarray"),
    "gray": ("image", lambda x: Image(x[:1]), r"image: expected \(3, H, W\), got the shape \(1,"),
    "untyped": ("depth", lambda x: Mask(x), "depth: expected a DepthMap, .* got a Mask"),
    "other type": ("depth", lambda x: ClassMap(x[0].long()), "depth: expected a DepthMap, .*Class"),
    "other size": ("depth", lambda x: DepthMap(x[:, :3]), r"depth: expected .*\(1, 6, 8\)"),
    "float64": ("depth", lambda x: DepthMap(x.double()), "depth: expected .*got a .*float64"),
    "ids as int32": (
        "semseg",
        lambda x: ClassMap(x.int()),
        "semseg: expected .*int64.*got .*int32",
    ),
    "a value": ("semseg", lambda x: ClassMap(x + 9), r"semseg: expected class ids 0\.\.2"),
}


@pytest.fixture(params=WRONG)
def wrong(request, memory_dataset):
    """Return a dataset whose second sample is invalid, and the message."""
    key, change, message = WRONG[request.param]
    dataset = memory_dataset(3)
    dataset.samples[1][key] = change(dataset.samples[1][key])
    return dataset, message


def test_training_reports_the_errors_of_the_check(wrong):
    dataset, message = wrong
    problem = Inspection(dataset, dataset.tasks)[1]
    assert isinstance(problem, Problem)
    with pytest.raises(InputError, match=message) as caught:
        PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)[1]
    assert str(caught.value) == f"1: {problem.reason}"
    assert isinstance(PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)[0], dict)


def test_the_first_sample_is_checked_before_use(wrong):
    dataset, message = wrong
    dataset.samples.reverse()
    dataset.samples = dataset.samples[1:]
    with pytest.raises(InputError, match="^0: " + message):
        DenseDataModule(dataset)
    with pytest.raises(InputError, match="^0: " + message):
        check_learnable(DenseDataModule(dataset, image_size=(6, 8)))


def test_a_sample_that_is_not_a_dict_is_refused(memory_dataset):
    dataset = memory_dataset(1)
    dataset.samples[0] = tuple(dataset.samples[0].values())
    with pytest.raises(InputError, match=r"^0: sample: expected a dict .*got a tuple"):
        DenseDataModule(dataset)


def test_a_deleted_file_is_reported(memory_dataset):
    class Gone(memory_dataset):
        def __getitem__(self, index):
            return open("gone.h5")

    dataset = Gone(1)
    reason = Inspection(dataset, dataset.tasks)[0].reason
    with pytest.raises(InputError, match=r"No such file or directory: 'gone\.h5'") as caught:
        DenseDataModule(dataset)
    assert str(caught.value) == f"0: {reason}"
