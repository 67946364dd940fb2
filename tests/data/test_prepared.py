import errno
import json
import os
import pickle

import numpy as np
import pytest
import torch

from ctal.data import DenseDataModule, PreparedArrays
from ctal.data.pipeline import PreparedDataset
from ctal.data.preparing import write_arrays
from ctal.errors import InputError

SIZE = (6, 8)
DEPTH = {"class": "ctal.tasks.depth.Depth", "arguments": {"name": "depth"}}
BEYOND = {"semseg": [], "depth": [4]}


def write(dataset, folder):
    names = [dataset.sample_name(index) for index in range(len(dataset))]
    prepared = PreparedDataset(dataset, dataset.tasks, SIZE, cache=False)
    samples = (prepared[index] for index in range(len(dataset)))
    write_arrays(samples, names, dataset.tasks, folder, size=SIZE, source={"from": "memory"})


@pytest.fixture
def packed(memory_dataset, tmp_path):
    write(memory_dataset(4, without_depth=[1]), tmp_path / "packed")
    return tmp_path / "packed"


def test_arrays_are_plain_and_small(packed):
    files = {path.relative_to(packed).as_posix() for path in packed.rglob("*.*")}
    assert files == {"dataset.json", "image.npy", "maps/semseg.npy", "maps/depth.npy"}
    image = np.load(packed / "image.npy", allow_pickle=False)
    assert (image.dtype, image.shape) == (np.uint8, (4, 3, *SIZE))
    assert np.load(packed / "maps/semseg.npy").dtype == np.uint8
    content = json.loads((packed / "dataset.json").read_text())
    assert content["missing"] == {"semseg": [], "depth": [1]}
    assert content["source"] == {"from": "memory"}


def test_negative_indices_are_supported_within_range(packed):
    dataset = PreparedArrays(packed)
    assert torch.equal(dataset[-1]["image"], dataset[3]["image"])
    assert list(dataset[-3]) == ["image", "semseg"]
    with pytest.raises(IndexError):
        dataset[4]


def test_modifying_a_sample_does_not_change_the_files(packed):
    dataset = PreparedArrays(packed)
    dataset[0]["depth"].zero_()
    assert dataset[0]["depth"].all()


def test_a_pickled_dataset_contains_no_pixels(packed):
    dataset = PreparedArrays(packed)
    parcel = pickle.dumps(dataset)
    assert len(parcel) < 1000
    assert torch.equal(pickle.loads(parcel)[2]["depth"], dataset[2]["depth"])


def test_training_batches_from_workers(packed):
    dataset = PreparedArrays(packed)
    module = DenseDataModule(dataset, batch_size=4, num_workers=2)
    assert module.image_size == SIZE
    batch = next(iter(module.train_dataloader()))
    assert batch["depth"].shape == (4, 1, *SIZE)
    assert (batch["depth"] == 0).flatten(1).all(dim=1).sum() == 1


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (
            lambda f: (f / "dataset.json").unlink(),
            "expected a folder written by `ctal data",
        ),
        (lambda f: cut(f / "dataset.json"), "expected a description in JSON"),
        (lambda f: (f / "dataset.json").write_text("[1]"), "got [1]"),
        (lambda f: change(f, version=2), "'version': 2"),
        (lambda f: change(f, names=None), "dataset.json: expected a complete"),
        (lambda f: change(f, size=[6, "x"]), "dataset.json: expected a complete"),
        (lambda f: change(f, size=[6.5, 8]), "dataset.json: expected a complete"),
        (lambda f: change(f, names="abcd"), "dataset.json: expected a complete"),
        (lambda f: change(f, tasks=[]), "dataset.json: expected a complete"),
        (lambda f: change(f, tasks=2 * [DEPTH]), "dataset.json: expected a complete"),
        (
            lambda f: change(f, missing={"depth": []}),
            "dataset.json: expected a complete",
        ),
        (lambda f: change(f, missing=BEYOND), "dataset.json: expected a complete"),
        (lambda f: (f / "dataset.json").write_text("[" * 100_000), "a description in JSON"),
        (lambda f: change(f, size=[6, 9]), "image.npy: expected uint8 of the shape (4, 3, 6, 9)"),
        (
            lambda f: change(f, tasks=[{"class": "os.system", "arguments": {}}]),
            "os.system has not been imported",
        ),
        (lambda f: change(f, tasks=[{}]), "dataset.json: invalid description of a task"),
        (lambda f: cut(f / "image.npy"), "image.npy: expected a complete array"),
        (lambda f: (f / "maps/depth.npy").unlink(), "maps/depth.npy: expected a complete array"),
        (lambda f: (f / "maps/depth.npy").write_bytes(b""), "maps/depth.npy: expected a complete"),
        (
            lambda f: np.save(f / "maps/depth.npy", np.array([{}]), allow_pickle=True),
            "maps/depth.npy: expected a complete array",
        ),
        (
            lambda f: (f / "image.npy").write_bytes(b"\x93NUMPY\x01\x00\x08\x00{((((((\n"),
            "image.npy: expected a complete array",
        ),
        (
            lambda f: np.savez((f / "image.npy").open("wb"), np.ones(3)),
            "image.npy: expected a complete array",
        ),
    ],
)
def test_an_incomplete_folder_is_refused(packed, spoil, named):
    spoil(packed)
    with pytest.raises(InputError) as error:
        PreparedArrays(packed)
    assert named in str(error.value)
    assert str(packed) in str(error.value)
    assert "\n" not in str(error.value)


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def change(folder, **content):
    file = folder / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | content))


def test_custom_tasks_are_imported_on_request_only(packed, tmp_path, monkeypatch):
    (tmp_path / "my_late_tasks.py").write_text(
        "from ctal.tasks import Depth\n\n\nclass Range(Depth):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = {"class": "my_late_tasks.Range", "arguments": {"name": "depth"}}
    change(packed, tasks=[own], missing={"depth": []})
    with pytest.raises(InputError, match=r"import 'my_late_tasks' .*PreparedArrays: imports"):
        PreparedArrays(packed)
    with pytest.raises(InputError, match="imports: 'nothing' cannot be imported"):
        PreparedArrays(packed, imports=["nothing"])
    dataset = PreparedArrays(packed, imports=["my_late_tasks"])
    assert type(dataset.tasks[0]).__name__ == "Range"
    # also in another process
    assert dataset.__reduce__()[1] == (packed, ["my_late_tasks"])


@pytest.mark.parametrize(
    ("task", "value", "named"),
    [("semseg", 77, "expected class ids 0..2"), ("depth", np.nan, "expected meters > 0")],
)
def test_modified_values_are_reported(packed, task, value, named):
    file = packed / "maps" / f"{task}.npy"
    array = np.load(file)
    array[2].flat[0] = value
    np.save(file, array)
    dataset = PreparedArrays(packed)
    assert list(dataset[0]) == ["image", "semseg", "depth"]
    with pytest.raises(InputError) as error:
        dataset[2]
    assert str(error.value).startswith(f"{file}: sample 2: {task}: {named}")


def test_a_failed_write_leaves_no_files(memory_dataset, tmp_path, monkeypatch):
    dataset = memory_dataset(4)

    def fail(value, dtype):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ctal.data.preparing._bytes", fail)
        with pytest.raises(InputError, match=r"packed: cannot be written \(No space left"):
            write(dataset, tmp_path / "packed")
    del dataset.samples[2]["image"]
    with pytest.raises(InputError, match="2: image: expected an Image"):
        write(dataset, tmp_path / "packed")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_not_replaced(memory_dataset, packed):
    with pytest.raises(InputError, match="packed: already exists"):
        write(memory_dataset(2), packed)
    assert len(PreparedArrays(packed)) == 4
