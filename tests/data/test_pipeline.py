import pytest
import torch
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from ctal.data.pipeline import AugmentedDataset, PreparedDataset, collate
from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap, EdgeMap, NormalMap
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)


def test_samples_are_resized_and_reduced_to_the_selected_tasks(memory_dataset):
    dataset = memory_dataset(without_depth=[1])
    prepared = PreparedDataset(dataset, dataset.tasks[1:], (3, 4), cache=False)
    assert [list(prepared[index]) for index in (0, 1)] == [["image", "depth"], ["image"]]
    assert prepared[0]["image"].shape == (3, 3, 4)
    assert prepared[0]["depth"].shape == (1, 3, 4)


def test_a_cache_does_not_change_samples(memory_dataset):
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
    assert dataset.reads == 2 * reads  # by the dataset without a cache


def test_8_bit_images_and_class_ids_are_unchanged(memory_dataset):
    dataset = memory_dataset(1, size=(16, 16))
    sample = dataset.samples[0]
    sample["image"] = Image((torch.arange(3 * 256) % 256).reshape(3, 16, 16) / 255)
    sample["semseg"] = ClassMap(torch.arange(256).reshape(16, 16))
    tasks = [SemanticSegmentation(255), Depth()]
    prepared = PreparedDataset(dataset, tasks, (16, 16), cache=False)[0]
    for name in ("image", "semseg", "depth"):
        assert torch.equal(prepared[name], sample[name])


def test_augmentation_depends_only_on_seed_epoch_and_index(memory_dataset):
    dataset = memory_dataset(2)
    dataset.samples[1] = dataset.samples[0]  # so that only the random numbers differ
    prepared = PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)
    jitter = v2.ColorJitter(brightness=0.5)
    augmented = AugmentedDataset(prepared, jitter, seed=1)
    first = augmented[(0, 0)]["image"]
    torch.rand(3)
    assert torch.equal(augmented[(0, 0)]["image"], first)
    assert not torch.equal(augmented[(1, 0)]["image"], first)
    assert not torch.equal(augmented[(0, 1)]["image"], first)
    assert not torch.equal(AugmentedDataset(prepared, jitter, seed=2)[(0, 0)]["image"], first)
    assert torch.equal(augmented[0]["image"], first)  # a plain index means epoch 0


def test_augmentation_does_not_advance_the_global_generator(memory_dataset):
    dataset = memory_dataset(1)
    prepared = PreparedDataset(dataset, dataset.tasks, (6, 8), cache=False)
    before = torch.get_rng_state()
    AugmentedDataset(prepared, v2.ColorJitter(0.5), seed=1)[(0, 0)]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("missing", [[1], [0, 1, 2]])
def test_missing_maps_of_a_batch_are_unlabelled(memory_dataset, missing):
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


ALL_TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals(), Edges(), Saliency(), HumanParts()]


def full_sample(seed: int) -> dict[str, torch.Tensor]:
    """Return a sample with a map for each of `ALL_TASKS`."""
    generator = torch.Generator().manual_seed(seed)
    answers = torch.randint(2, (12, 14), generator=generator)
    normals = torch.randn(3, 12, 14, generator=generator)
    return {
        "image": Image(torch.rand(3, 12, 14, generator=generator)),
        "semseg": ClassMap(answers + 1),
        "depth": DepthMap(torch.rand(1, 12, 14, generator=generator) + 1),
        "normals": NormalMap(normals / normals.norm(dim=0)),
        "edges": EdgeMap(answers),
        "saliency": ClassMap(1 - answers),
        "human_parts": ClassMap(answers * 5),
    }


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_samples_without_a_map_change_neither_loss_nor_scores(task):
    samples = [full_sample(seed) for seed in range(4)]
    labelled = [0, 2]
    for index in (1, 3):
        del samples[index][task.name]
    generator = torch.Generator().manual_seed(9)
    raw = torch.randn(4, task.channels, 12, 14, generator=generator, requires_grad=True)
    mixed = collate(samples, tasks=ALL_TASKS)
    alone = collate([samples[index] for index in labelled], tasks=ALL_TASKS)
    assert type(mixed[task.name]) is task.map_type
    loss = task.loss(raw, mixed[task.name])
    loss.backward()
    assert loss.item() == pytest.approx(task.loss(raw[labelled], alone[task.name]).item())
    assert raw.grad[labelled].any()
    assert not raw.grad[[1, 3]].any()
    prediction = task.decode(raw.detach())
    for name, metric in task.metrics().items():
        other = task.metrics()[name]
        metric.update(prediction, mixed[task.name])
        other.update(prediction[labelled], alone[task.name])
        assert metric.compute().item() == pytest.approx(other.compute().item(), rel=1e-6), name


@pytest.mark.parametrize("task", ALL_TASKS, ids=lambda task: task.name)
def test_a_batch_without_any_map_of_a_task(task):
    samples = [full_sample(seed) for seed in range(2)]
    for sample in samples:
        del sample[task.name]
    batch = collate(samples, tasks=ALL_TASKS)
    raw = torch.randn(2, task.channels, 12, 14, requires_grad=True)
    loss = task.loss(raw, batch[task.name])
    loss.backward()
    assert loss.item() == 0
    assert not raw.grad.any()
    for metric in task.metrics().values():
        metric.update(task.decode(raw.detach()), batch[task.name])
        assert metric.compute().isnan()


def test_a_cache_preserves_edges_and_binary_maps(memory_dataset):
    dataset = memory_dataset(1, size=(12, 14))
    dataset.tasks = ALL_TASKS
    dataset.samples = [full_sample(0)]
    prepared = PreparedDataset(dataset, ALL_TASKS, (12, 14), cache=True)[0]
    for name in ("edges", "saliency", "human_parts"):
        assert torch.equal(prepared[name], dataset.samples[0][name])
        assert type(prepared[name]) is type(dataset.samples[0][name])


@pytest.mark.parametrize("wrong", [3, 257, -1])
def test_values_out_of_range_are_reported(memory_dataset, wrong):
    """Ids are stored as bytes: 257 would become class 1."""
    data = memory_dataset(2)
    data.samples[1]["semseg"][0, 0] = wrong
    prepared = PreparedDataset(data, data.tasks, (6, 8), cache=False)
    assert prepared[0]["semseg"].shape == (6, 8)
    with pytest.raises(InputError, match=rf"^1: semseg: expected class ids 0\.\.2.*\[{wrong}\]"):
        prepared[1]
