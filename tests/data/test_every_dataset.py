"""Requirements on samples, names and documentation of all datasets."""

import inspect
import pickle
import re

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from tests.data.datasets.small_cityscapes import write_cityscapes
from tests.data.datasets.small_nyuv2_mat import write_nyuv2_mat
from tests.data.datasets.small_pascal_context import write_pascal_context

from ctal.data import DenseDataset, Rooms
from ctal.data.checks import checked_sample
from ctal.data.preparing import write_arrays
from ctal.errors import InputError


def write_folder(folder):
    """Write four samples, the first without the optional map."""
    for name in "abcd":
        np.save(folder / f"{name}_image.npy", np.zeros((4, 6, 3)))
        np.save(folder / f"{name}_depth.npy", np.ones((4, 6)))
    for name in "bcd":
        np.save(folder / f"{name}_saliency.npy", np.eye(4, 6))
    return folder


def write_prepared(folder):
    """Write the first two views of the validation split of Rooms."""
    rooms = Rooms("val")
    names = [rooms.sample_name(index) for index in range(2)]
    samples = (rooms[index] for index in range(2))
    write_arrays(samples, names, rooms.tasks, folder / "val", size=(96, 128), source={})
    return folder


MAPS = [
    {"task": {"class_path": "ctal.tasks.Depth"}, "files": "{name}_depth.npy"},
    {
        "task": {"class_path": "ctal.tasks.Saliency"},
        "files": "{name}_saliency.npy",
        "optional": True,
    },
]

DATASETS = {
    # class: writer of small files in its real format, and arguments with FOLDER for the folder
    "Cityscapes": (write_cityscapes, {"root": "FOLDER", "split": "train"}),
    "FolderDataset": (
        write_folder,
        {"root": "FOLDER", "image": "{name}_image.npy", "maps": MAPS},
    ),
    "NYUv2": (write_nyuv2_mat, {"root": "FOLDER", "split": "train", "classes": 40}),
    "PASCALContext": (
        write_pascal_context,
        {"root": "FOLDER", "split": "train", "normal_axes": [-1, 1, -1]},
    ),
    "PreparedArrays": (write_prepared, {"folder": "FOLDER/val"}),
    "Rooms": (lambda folder: folder, {"split": "val"}),
}


def open_dataset(name, arguments):
    """Open a dataset as a config does."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--dataset", type=DenseDataset)
    class_path = name if "." in name else f"ctal.data.{name}"
    entry = {"class_path": class_path, "init_args": arguments}
    return parser.instantiate(parser.parse_object({"dataset": entry})).dataset


@pytest.fixture(params=DATASETS)
def entry(request, tmp_path):
    """Return the name of a dataset, and its arguments for small files."""
    write, arguments = DATASETS[request.param]
    folder = str(write(tmp_path))
    return request.param, {
        key: value.replace("FOLDER", folder) if isinstance(value, str) else value
        for key, value in arguments.items()
    }


@pytest.fixture
def dataset(entry):
    return open_dataset(*entry)


def test_samples_have_the_documented_types_and_shapes(dataset):
    assert len(dataset) > 0
    names = [task.name for task in dataset.tasks]
    assert len(set(names)) == len(names) > 0
    seen = set()
    for index in range(min(3, len(dataset))):
        sample = checked_sample(dataset, index, dataset.tasks)
        assert next(iter(sample)) == "image"
        assert set(sample) <= {"image", *names}
        seen |= set(sample)
    assert seen == {"image", *names}  # a task without any map is not listed


def test_samples_are_reproducible_also_in_another_process(dataset):
    first, copy = dataset[0], pickle.loads(pickle.dumps(dataset))
    for other in (dataset[0], copy[0]):
        assert list(other) == list(first)
        assert all(torch.equal(other[key], first[key]) for key in first)
    assert copy.tasks == dataset.tasks


def test_sample_names_are_unique(dataset):
    names = [dataset.sample_name(index) for index in range(len(dataset))]
    assert all(isinstance(name, str) and name for name in names)
    assert len(set(names)) == len(names)


def test_missing_files_are_an_input_error(entry, tmp_path):
    name, arguments = entry
    wrong = {
        key: value.replace(str(tmp_path), "/nowhere") if isinstance(value, str) else value
        for key, value in arguments.items()
    }
    if wrong == arguments:
        wrong["split"] = "nothing"
    with pytest.raises(ValueError, match=r"/nowhere|nothing") as caught:
        open_dataset(name, wrong)
    error = caught.value
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__
    assert error is not None


def test_adjacent_fractions_cover_all_samples(entry):
    name, arguments = entry
    whole = open_dataset(name, arguments)
    if "fraction" not in inspect.signature(type(whole)).parameters:
        pytest.skip(f"{name} has no argument fraction")
    if len(whole) < 2:
        pytest.skip(f"the files of {name} are one sample, which cannot be divided")
    parts = [
        open_dataset(name, {**arguments, "fraction": part, "seed": 1})
        for part in ([0, 0.5], [0.5, 1])
    ]
    names = [part.sample_name(index) for part in parts for index in range(len(part))]
    assert sorted(names) == sorted(whole.sample_name(index) for index in range(len(whole)))


def test_the_docstring_is_a_data_card(dataset):
    text = type(dataset).__doc__
    assert re.match(r"[A-Z].*\.$", text.splitlines()[0])
    assert "Args:" in text
    if dataset.__class__.__name__ in ("FolderDataset", "PreparedArrays"):
        return  # generic datasets
    for heading in ("Source:", "Tasks:", "License:"):
        assert heading in text, heading
