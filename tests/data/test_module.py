import pytest
import torch
from lightning.pytorch import Trainer
from torchvision.transforms import v2

from ctal.data import DenseDataModule
from ctal.data.pipeline import PreparedDataset, collate
from ctal.errors import InputError
from ctal.maps import ClassMap


def test_tasks_are_selected_by_name_in_the_given_order(memory_dataset):
    dataset = memory_dataset()
    assert [task.name for task in DenseDataModule(dataset).tasks] == ["semseg", "depth"]
    data = DenseDataModule(dataset, tasks=["depth", "semseg"])
    assert [task.name for task in data.tasks] == ["depth", "semseg"]
    assert list(next(iter(data.train_dataloader()))) == ["image", "depth", "semseg"]
    with pytest.raises(InputError, match=r"names from semseg, depth .* got normals"):
        DenseDataModule(dataset, tasks=["normals"])
    with pytest.raises(InputError, match="tasks: expected distinct names"):
        DenseDataModule(dataset, tasks=["depth", "depth"])
    with pytest.raises(InputError, match="got none"):
        DenseDataModule(dataset, tasks=[])


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_may_lack_tasks_and_says_so(memory_dataset, split):
    other = memory_dataset(2, without_depth=(0, 1))
    other.tasks = other.tasks[:1]
    message = rf"data\.{split}: has no depth, unlike data\.train; no score of {split} will include"
    with pytest.warns(UserWarning, match=message):
        data = DenseDataModule(memory_dataset(), **{split: other})
    batch = next(iter(getattr(data, f"{split}_dataloader")()))
    assert list(batch) == ["image", "semseg", "depth"]
    assert batch["depth"].shape[1] == 1
    assert not batch["depth"].any()
    assert batch["semseg"].ne(255).any()


def test_a_split_must_have_some_of_the_tasks_and_the_same_ones(memory_dataset):
    other = memory_dataset()
    other.tasks = other.tasks[:1]
    with pytest.raises(InputError, match=r"data\.val: expected some of .*, depth, got semseg"):
        DenseDataModule(memory_dataset(), val=other, tasks=["depth"])
    other.tasks = [type(other.tasks[0])(4), memory_dataset().tasks[1]]
    with pytest.raises(InputError, match=r"data\.test: expected the task .*num_classes=3"):
        DenseDataModule(memory_dataset(), test=other)


def test_a_split_without_samples_is_reported(memory_dataset):
    for split in ("train", "val", "test"):
        given = {"train": memory_dataset(), split: memory_dataset(0)}
        with pytest.raises(InputError, match=rf"data\.{split}: expected a dataset with samples"):
            DenseDataModule(**given)


def test_the_size_is_that_of_the_first_image_or_the_given_one(memory_dataset):
    assert DenseDataModule(memory_dataset(size=(6, 8))).image_size == (6, 8)
    data = DenseDataModule(memory_dataset(), memory_dataset(size=(7, 9)), image_size=(4, 5))
    assert next(iter(data.train_dataloader()))["depth"].shape == (8, 1, 4, 5)
    assert next(iter(data.val_dataloader()))["image"].shape == (8, 3, 4, 5)


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"num_workers": -1}, {"seed": -1}, {"image_size": (0, 4)}]
)
def test_a_number_out_of_range_is_reported(memory_dataset, wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))}: expected an integer >="):
        DenseDataModule(memory_dataset(), **wrong)


@pytest.mark.parametrize(
    ("length", "train_sizes"), [(10, [4, 4]), (8, [4, 4]), (4, [4]), (3, [3]), (1, [1])]
)
def test_only_training_drops_an_incomplete_batch(memory_dataset, length, train_sizes):
    dataset = memory_dataset(length)
    data = DenseDataModule(dataset, dataset, dataset, batch_size=4)
    assert [len(batch["image"]) for batch in data.train_dataloader()] == train_sizes
    for loader in (data.val_dataloader(), data.test_dataloader()):
        seen = torch.cat([batch["depth"] for batch in loader])
        assert torch.equal(seen, torch.stack([sample["depth"] for sample in dataset.samples]))


def test_only_training_is_augmented(memory_dataset):
    dataset = memory_dataset(4)
    flip = v2.RandomHorizontalFlip(p=1.0)
    data = DenseDataModule(dataset, dataset, dataset, augmentation=[flip], batch_size=4)
    plain = next(iter(data.val_dataloader()))["semseg"]
    assert torch.equal(next(iter(data.test_dataloader()))["semseg"], plain)
    batch = next(iter(data.train_dataloader()))["semseg"]
    assert isinstance(batch, ClassMap)
    flipped = {tuple(label_map.flatten().tolist()) for label_map in plain.flip(-1)}
    assert {tuple(label_map.flatten().tolist()) for label_map in batch} == flipped


def test_a_missing_split_has_no_batches(memory_dataset):
    data = DenseDataModule(memory_dataset())
    assert data.val_dataloader() == []
    with pytest.raises(InputError, match="split: expected one of train, got 'val'"):
        data.prepared("val")


def test_samples_on_the_device_are_equal(memory_dataset, monkeypatch):
    dataset = memory_dataset(without_depth=[3])
    augmentation = [v2.RandomHorizontalFlip(), v2.ColorJitter(0.5)]
    plain, placed = (
        DenseDataModule(
            dataset, dataset, cache=True, on_device=on, augmentation=augmentation, batch_size=2
        )
        for on in (False, True)
    )
    placed.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    moved = []
    move = PreparedDataset.move
    monkeypatch.setattr(
        PreparedDataset, "move", lambda self, to: (moved.append(to), move(self, to))
    )
    for name in ("train_dataloader", "val_dataloader"):
        for a, b in zip(getattr(plain, name)(), getattr(placed, name)(), strict=True):
            for key in ("image", "semseg", "depth"):
                assert type(a[key]) is type(b[key])
                assert torch.equal(a[key], b[key])
    assert moved == [torch.device("cpu")] * 2


def test_samples_on_the_device_have_its_device(memory_dataset):
    data = DenseDataModule(memory_dataset(2), cache=True, on_device=True)
    prepared = data.prepared("train")
    prepared.move(torch.device("meta"))  # available on every machine
    sample = prepared[0]
    assert {value.device.type for value in sample.values()} == {"meta"}
    batch = collate([{"image": sample["image"]}], tasks=data.tasks)
    assert {value.device.type for value in batch.values()} == {"meta"}


@pytest.mark.parametrize("wrong", [{"cache": False}, {"cache": True, "num_workers": 1}])
def test_samples_on_the_device_require_a_cache_and_no_workers(memory_dataset, wrong):
    with pytest.raises(InputError, match="on_device: expected cache: true and num_workers: 0"):
        DenseDataModule(memory_dataset(), on_device=True, **wrong)


def test_workers_yield_the_same_batches_and_errors(memory_dataset, open_folder, folder):
    dataset = memory_dataset()
    alone, helped = (
        DenseDataModule(dataset, num_workers=n, augmentation=[v2.ColorJitter(0.5)], batch_size=2)
        for n in (0, 2)
    )
    for a, b in zip(alone.train_dataloader(), helped.train_dataloader(), strict=True):
        assert torch.equal(a["image"], b["image"])
        assert torch.equal(a["semseg"], b["semseg"])
    data = DenseDataModule(open_folder(), num_workers=1)
    (folder / "depth" / "b.png").write_text("text")
    with pytest.raises(InputError) as caught:
        next(iter(data.train_dataloader()))
    assert str(caught.value).startswith(f"{folder}/depth/b.png: cannot be read as an image")
    assert "\n" not in str(caught.value)
