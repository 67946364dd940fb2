"""Small datasets for the tests: in memory, and in folders."""

import numpy as np
import pytest
import torch
from PIL import Image as PILImage
from torchvision.tv_tensors import Image

from ctal.data import ClassMap, DenseDataset, DepthMap, FolderDataset, MapFiles
from ctal.tasks import Depth, SemanticSegmentation


class MemoryDataset(DenseDataset):
    """Random samples; samples with an index in `without_depth` lack that map."""

    def __init__(self, length=10, size=(6, 8), without_depth=()):
        self.tasks = [SemanticSegmentation(3), Depth()]
        generator = torch.Generator().manual_seed(0)
        self.samples = []
        for index in range(length):
            sample = {
                "image": Image(torch.rand(3, *size, generator=generator)),
                "semseg": ClassMap(torch.randint(3, size, generator=generator)),
                "depth": DepthMap(torch.rand(1, *size, generator=generator) + index + 1),
            }
            if index in without_depth:
                del sample["depth"]
            self.samples.append(sample)
        self.reads = 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.reads += 1
        return self.samples[index]

    def sample_name(self, index):
        return str(index)


@pytest.fixture
def memory_dataset():
    return MemoryDataset


@pytest.fixture
def folder(tmp_path):
    """root/{image/N.jpg, classes/N.png, depth/N.png} for N in a, b, c; 4x6 pixels."""
    for name in ("image", "classes", "depth"):
        (tmp_path / name).mkdir()
    for value, name in enumerate("abc"):
        picture = np.full((4, 6, 3), 80 * value, np.uint8)
        PILImage.fromarray(picture).save(tmp_path / "image" / f"{name}.jpg")
        classes = np.full((4, 6), value, np.uint8)
        PILImage.fromarray(classes).save(tmp_path / "classes" / f"{name}.png")
        depth = np.full((4, 6), 1000 + value, np.uint16)
        depth[0, 0] = 0
        PILImage.fromarray(depth).save(tmp_path / "depth" / f"{name}.png")
    return tmp_path


@pytest.fixture
def open_folder(folder):
    """Open `folder` as a dataset of 3 classes and depth in millimeters."""

    def open_it(**changes):
        arguments = {
            "image": "image/{name}.jpg",
            "maps": [
                MapFiles(SemanticSegmentation(3), "classes/{name}.png"),
                MapFiles(Depth(), "depth/{name}.png", scale=0.001),
            ],
        }
        return FolderDataset(folder, **(arguments | changes))

    return open_it
