import pytest
import torch
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from ctal.data.loading import AugmentedDataset, PreparedDataset, collate
from ctal.maps import ClassMap, DepthMap


def test_samples_are_resized_and_stripped_to_the_chosen_tasks(memory_dataset):
    dataset = memory_dataset(without_depth=[1])
    prepared = PreparedDataset(dataset, dataset.tasks[1:], (3, 4), cache=False)
    assert [list(prepared[index]) for index in (0, 1)] == [["image", "depth"], ["image"]]
    assert prepared[0]["image"].shape == (3, 3, 4)
    assert prepared[0]["depth"].shape == (1, 3, 4)


def test_a_cache_changes_speed_and_nothing_else(memory_dataset):
    dataset = memory_dataset()
    fresh, cached = (
        PreparedDataset(dataset, dataset.tasks, (3, 4), cache=cache) for cache in (False, True)
    )
    reads = dataset.reads
    assert reads == len(dataset)
    for index in range(len(dataset)):
        a, b = fresh[index], cached[index]
        for name, map_type in [("image", Image), ("semseg", ClassMap), ("depth", DepthMap)]:
            assert torch.equal(a[name], b[name])
            assert type(a[name]) is type(b[name]) is map_type
            assert a[name].dtype == dataset.samples[index][name].dtype
    assert dataset.reads == 2 * reads  # by the one without a cache


def test_pictures_of_8_bits_and_class_ids_keep_their_values(memory_dataset):
    dataset = memory_dataset(1, size=(16, 16))
    sample = dataset.samples[0]
    sample["image"] = Image((torch.arange(3 * 256) % 256).reshape(3, 16, 16) / 255)
    sample["semseg"] = ClassMap(torch.arange(256).reshape(16, 16))
    prepared = PreparedDataset(dataset, dataset.tasks, (16, 16), cache=False)[0]
    for name in ("image", "semseg", "depth"):
        assert torch.equal(prepared[name], sample[name])


def test_augmentation_depends_on_seed_epoch_and_index_alone(memory_dataset):
    dataset = memory_dataset(2)
    dataset.samples[1] = dataset.samples[0]  # so that only the draws can differ
    prepared = PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)
    jitter = v2.ColorJitter(brightness=0.5)
    augmented = AugmentedDataset(prepared, jitter, seed=1)
    first = augmented[(0, 0)]["image"]
    torch.rand(3)
    assert torch.equal(augmented[(0, 0)]["image"], first)
    assert not torch.equal(augmented[(1, 0)]["image"], first)
    assert not torch.equal(augmented[(0, 1)]["image"], first)
    assert not torch.equal(AugmentedDataset(prepared, jitter, seed=2)[(0, 0)]["image"], first)


def test_augmentation_leaves_the_generator_of_the_training_alone(memory_dataset):
    dataset = memory_dataset(1)
    prepared = PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)
    before = torch.get_rng_state()
    AugmentedDataset(prepared, v2.ColorJitter(0.5), seed=1)[(0, 0)]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("missing", [[1], [0, 1, 2]])
def test_a_batch_fills_missing_maps_with_unlabelled_pixels(memory_dataset, missing):
    dataset = memory_dataset(3, without_depth=missing)
    batch = collate([dataset[index] for index in range(3)], tasks=dataset.tasks)
    assert list(batch) == ["image", "semseg", "depth"]
    assert type(batch["depth"]) is DepthMap
    assert batch["depth"].shape == (3, 1, 6, 8)
    assert batch["semseg"].shape == (3, 6, 8)
    for index in range(3):
        assert (batch["depth"][index] > 0).all() != (index in missing)
    del dataset.samples[0]["semseg"]
    batch = collate([dataset[0]], tasks=dataset.tasks)
    assert (batch["semseg"] == 255).all()
    for task in dataset.tasks:
        assert task.valid(batch[task.name]).any() == (task.name == "depth" and 0 not in missing)
