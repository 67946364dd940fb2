"""Report of `ctal predict`."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.data import FolderDataset, MapFiles
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals


@pytest.fixture
def command(folder):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth(), SurfaceNormals()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    torch.nn.init.constant_(network.heads["depth"].predict.bias, 5.0)  # no depths below 0
    return ["predict", "--checkpoint", str(write_checkpoint(network, folder / "a.ckpt"))]


def printed(capfd):
    return re.sub(r"\d+\.\d+ s", "N s", capfd.readouterr().out).splitlines()


def test_the_files_of_a_single_input(command, capfd):
    assert cli.main([*command, "pictures/a.jpg"]) == 0
    assert printed(capfd) == [
        "pictures/a.jpg: predictions/a.npz, predictions/a.png",
        "predictions: wrote .npz and .png of 1 input in N s",
    ]


def test_the_files_of_few_inputs_and_those_that_were_skipped(command, folder, capfd):
    assert cli.main([*command, "pictures/a.jpg"]) == 0
    printed(capfd)
    (folder / "pictures" / "bad.png").write_text("text")
    Image.new("RGB", (40, 30)).save(folder / "pictures" / "c.png")
    assert cli.main([*command, "pictures"]) == 2
    assert printed(capfd) == [
        "pictures/b.2.PNG: predictions/b.2.npz, predictions/b.2.png",
        "pictures/c.png: predictions/c.npz, predictions/c.png",
        "predictions: wrote .npz and .png of 2 inputs in N s, N s per input; "
        "skipped 1 with complete outputs; 1 could not be read",
    ]


def test_many_inputs_are_counted(command, folder, capfd):
    for n in range(4):
        Image.new("RGB", (40, 30)).save(folder / "pictures" / f"n{n}.png")
    assert cli.main([*command, "pictures", "--intrinsics", "50", "50", "20", "15"]) == 0
    assert printed(capfd) == [
        "predictions: wrote .npz, .ply and .png of 6 inputs in N s, N s per input"
    ]


def test_the_contact_sheet_is_reported(command, capfd):
    assert cli.main([*command, "pictures/a.jpg", "--contact_sheet"]) == 0
    assert printed(capfd)[1] == "predictions/contact_sheet.png: contact sheet"
    assert cli.main([*command, "pictures/a.jpg", "--contact_sheet"]) == 0  # nothing is pending
    assert printed(capfd) == ["predictions/contact_sheet.png: contact sheet"]


def test_nothing_is_reported_if_nothing_was_written(command, folder, capfd):
    (folder / "bad.png").write_text("text")
    assert cli.main([*command, "bad.png"]) == 2
    assert printed(capfd) == []


def test_the_arrays_are_labels_of_a_folder_dataset(command, folder):
    assert cli.main([*command, "pictures/a.jpg"]) == 0
    maps = [
        MapFiles(task, "predictions/{name}.npz", key=task.name)
        for task in (SemanticSegmentation(4), Depth(), SurfaceNormals())
    ]
    sample = FolderDataset(".", "pictures/{name}.jpg", maps)[0]
    with np.load("predictions/a.npz") as content:
        assert np.array_equal(sample["semseg"], content["semseg"])
        assert np.array_equal(sample["depth"][0], content["depth"].astype(np.float32))
        assert content["normals"].shape == (30, 40, 3)
        np.testing.assert_allclose(
            np.moveaxis(sample["normals"].numpy(), 0, -1), content["normals"], atol=1e-3
        )
