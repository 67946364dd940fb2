import pytest
import torch
from torchvision.tv_tensors import Image

from ctal.data import ClassMap, DenseDataModule, DenseDataset, DepthMap
from ctal.data.labels import check_labels, check_learnable, unlabelled
from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation


class Labelled(DenseDataset):
    """Samples with the given labels, which counts the samples read."""

    def __init__(self, *samples):
        self.tasks = [SemanticSegmentation(2), Depth()]
        self.samples = samples
        self.read = 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.read += 1
        known = self.samples[index]
        sample = {"image": Image(torch.zeros(3, 8, 8)), "depth": DepthMap(torch.zeros(1, 8, 8))}
        if "depth" in known:
            sample["depth"][0, 3, 3] = 2.0
        if "semseg" in known:  # otherwise the map is missing
            sample["semseg"] = ClassMap(torch.zeros(8, 8, dtype=torch.int64))
        return sample

    def sample_name(self, index):
        return str(index)


def test_reading_stops_when_all_labels_are_found():
    train = Labelled("semseg", "", "semseg depth", "depth", "")
    data = DenseDataModule(train, val=Labelled("depth", "depth"), image_size=(8, 8))
    assert unlabelled(data, "train") == []
    assert train.read == 3
    assert unlabelled(data, "val") == ["semseg"]
    assert unlabelled(data, "test") == []  # no such dataset


@pytest.mark.parametrize(("scale", "warns"), [(100, False), (1000, True)])
def test_depth_in_millimeters_is_reported_before_training(scale, warns, recwarn):
    class Far(Labelled):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            sample["depth"] = DepthMap(scale * sample["depth"])
            return sample

    check_learnable(DenseDataModule(Far("semseg", "depth"), image_size=(8, 8)))
    line = f"data.train: depth: the median is {2 * scale} m; for files in millimeters set"
    assert [line in str(warning.message) for warning in recwarn] == ([True] if warns else [])


def test_missing_labels_are_reported():
    whole, blank = Labelled("semseg depth"), Labelled("depth", "")
    size = {"image_size": (8, 8)}
    with pytest.raises(InputError, match=r"data\.train: .* got none of semseg; remove it"):
        check_labels(DenseDataModule(blank, whole, whole, **size), "test")
    assert check_labels(DenseDataModule(whole, whole, whole, **size), "test") == []
    (told,) = check_labels(DenseDataModule(whole, blank, whole, **size), "test")
    assert told.startswith("no sample of val has a label of semseg: the best checkpoint was")
    (told,) = check_labels(DenseDataModule(whole, blank, whole, **size), "val")
    assert told.startswith("no sample of val has a label of semseg: it has no scores")
    val, test = check_labels(DenseDataModule(whole, blank, Labelled(""), **size), "test")[:2]
    assert "of val" in val
    assert "of test" in test
