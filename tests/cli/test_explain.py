"""`ctal explain` through the command line."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.inference.loading import load
from ctal.networks import CTALNet, SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with a.ckpt (CTAL), plain.ckpt (without CTAL) and two images."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    write_checkpoint(CTALNet(tasks, "test_resnet", image_size=(32, 64), channels=8), "a.ckpt")
    write_checkpoint(SharedEncoderNet(tasks, "test_resnet", image_size=(32, 64)), "plain.ckpt")
    generator = np.random.default_rng(0)
    for name in ("one.jpg", "two.2.png"):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3)).astype(np.uint8)).save(name)
    return tmp_path


def test_arrays_equal_model_explain(folder, capsys):
    assert cli.main(["explain", "one.jpg", "--checkpoint", "a.ckpt", "--pixel", "49", "3"]) == 0
    printed = capsys.readouterr().out.split()
    assert printed == ["explanations/one-x49-y3.png", "explanations/one-x49-y3.npz"]
    content = np.load(printed[1])
    found = load("a.ckpt").explain("one.jpg", (49, 3))["refinement.ctal"]
    assert json.loads(str(content["tasks"])) == {"refinement.ctal": ["semseg", "depth"]}
    assert content["pixel"].tolist() == [49, 3]
    assert content["refinement.ctal.grid_pixel"].tolist() == list(found.pixel) == [15, 0]
    for index, task in enumerate(found.tasks):
        affinity, mixed = content["refinement.ctal.affinity"], content["refinement.ctal.mixed"]
        np.testing.assert_array_equal(affinity[index], found.affinity[task])
        np.testing.assert_array_equal(mixed[index], found.mixed[task])
    for name in ("contributions", "shares", "added", "kept"):
        np.testing.assert_array_equal(content[f"refinement.ctal.{name}"], getattr(found, name))


def test_the_panel_shows_the_pixel(folder):
    for x, y in ((5, 5), (40, 30)):
        args = ["explain", "one.jpg", "--checkpoint", "a.ckpt", "--pixel", str(x), str(y)]
        assert cli.main(args) == 0
    one, other = (
        np.asarray(Image.open(f"explanations/one-{name}.png")) for name in ("x5-y5", "x40-y30")
    )
    assert one.shape == other.shape
    # a column for the image and one for each of two tasks; 40x50 is shown at 280x350
    assert one.shape[1] > 3 * 350
    assert one.shape[0] > 4 * 280
    assert (one != other).any(axis=-1).mean() > 0.1


def test_several_images_at_their_centers(folder):
    assert cli.main(["explain", "one.jpg", "two.2.png", "--checkpoint", "a.ckpt"]) == 0
    names = sorted(file.name for file in (folder / "explanations").iterdir())
    stems = ["one-x25-y20", "two.2-x25-y20"]
    assert names == [f"{stem}.{kind}" for stem in stems for kind in ("npz", "png")]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["one.jpg", "--pixel", "50", "0"], r"pixel: expected x in 0..49 and y in 0..39"),
        (["one.jpg", "--pixel", "5"], "pixel: expected two integers, x and y, got '5'"),
        (["one.jpg", "--pixel", "5", "x"], "pixel"),
        (["none.jpg"], "none.jpg: not found; expected an image"),
        (["a.ckpt"], "a.ckpt: cannot be read as an image"),
        (["one.jpg", "--output", "two.2.png"], "two.2.png/one-x25-y20.npz: cannot be written"),
        (["one.jpg", "--checkpoint", "plain.ckpt"], "SharedEncoderNet has no CTAL module"),
    ],
)
def test_user_errors_are_reported_in_one_line(folder, args, message, capsys):
    assert cli.main(["explain", "--checkpoint", "a.ckpt", *args]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
    assert printed.count("\n") == 1


def test_existing_outputs_are_kept_without_overwrite(folder, capsys):
    args = ["explain", "one.jpg", "--checkpoint", "a.ckpt"]
    (folder / "explanations").mkdir()
    (folder / "explanations" / "one-x25-y20.png").write_text("mine")
    assert cli.main(args) == 2
    assert "one-x25-y20.png: already exists" in capsys.readouterr().err
    assert [file.name for file in (folder / "explanations").iterdir()] == ["one-x25-y20.png"]
    assert cli.main([*args, "--overwrite"]) == 0
    assert Image.open(folder / "explanations" / "one-x25-y20.png").mode == "RGB"


def test_images_with_the_same_name_have_different_outputs(folder):
    Image.open("one.jpg").save("one.png")
    assert cli.main(["explain", "one.jpg", "one.png", "--checkpoint", "a.ckpt"]) == 0
    written = {file.name for file in (folder / "explanations").iterdir()}
    stems = ("one-x25-y20", "one-2-x25-y20")
    assert written == {f"{stem}.{ending}" for stem in stems for ending in ("png", "npz")}
