import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from ctal.data import Rooms
from ctal.data.datasets import rooms as rooms_dataset
from ctal.errors import InputError


@pytest.fixture
def tiny_rooms(tmp_path, monkeypatch):
    """Write one view of 4x6 pixels in each split, in place of the bundled files."""
    for split in ("train", "val", "test"):
        for kind in ("image", "semseg", "depth", "normals"):
            (tmp_path / split / kind).mkdir(parents=True)
        folder = tmp_path / split
        PILImage.fromarray(np.zeros((4, 6, 3), np.uint8)).save(folder / "image" / "0.jpg")
        PILImage.fromarray(np.full((4, 6), 13, np.uint8)).save(folder / "semseg" / "0.png")
        PILImage.fromarray(np.full((4, 6), 2500, np.uint16)).save(folder / "depth" / "0.png")
        normals = np.full((4, 6, 3), (0.6, 0, -0.8), np.float16)
        np.savez_compressed(folder / "normals" / "0.npz", normals=normals)
    monkeypatch.setattr(rooms_dataset, "FOLDER", tmp_path)


@pytest.mark.usefixtures("tiny_rooms")
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_view_has_three_maps_in_their_units(split):
    rooms = Rooms(split)
    assert [task.name for task in rooms.tasks] == ["semseg", "depth", "normals"]
    assert rooms.tasks[0].class_names[13] == "clutter"
    assert len(set(rooms.tasks[0].colours)) == 14
    sample = rooms[0]
    assert sample["semseg"].unique().tolist() == [13]
    assert sample["depth"].unique().tolist() == [2.5]
    assert torch.allclose(sample["normals"][:, 1, 2], torch.tensor([0.6, 0, -0.8]), atol=1e-3)


def test_an_unknown_split_is_refused():
    with pytest.raises(InputError, match="expected one of train, val, test, got 'training'"):
        Rooms("training")
