"""Panels of `ctal predict`: colors of videos, entropies, notes."""

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

import ctal
from ctal import cli
from ctal.cli.predict import predict_files
from ctal.cli.predict_panels import Panels, SmoothRanges
from ctal.cli.predict_sheet import write_sheet
from ctal.cli.predict_writer import Writer
from ctal.errors import InputError
from ctal.inference import Model
from ctal.io.video import Frame
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation

TASKS = [SemanticSegmentation(3, ["a", "b", "c"]), Depth()]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 32))


def frame_maps(depth, label=0):
    return {"semseg": torch.full((4, 6), label), "depth": torch.tensor(depth).reshape(1, 1, 2)}


def test_the_range_of_a_video_follows_its_frames_slowly():
    smooth = SmoothRanges(TASKS)
    first = smooth.references(frame_maps([1.0, 2.0]), 0.0)["depth"]
    assert first.flatten().tolist() == [1.0, 2.0]
    soon = smooth.references(frame_maps([3.0, 6.0]), 0.04)["depth"].flatten().tolist()
    share = 1 - np.exp(-0.02)
    assert soon == pytest.approx([1 + 2 * share, 2 + 4 * share])
    late = smooth.references(frame_maps([3.0, 6.0]), 60.0)["depth"].flatten().tolist()
    assert late == pytest.approx([3.0, 6.0])


def test_all_frames_have_one_size_and_list_all_classes(network):
    frames = []
    for number in range(3):
        maps = {"semseg": torch.full((30, 40), number), "depth": torch.rand(1, 30, 40) + number}
        pixels = torch.zeros(3, 30, 40, dtype=torch.uint8)
        frames.append((Frame(pixels, number / 10), maps))
    found = list(Panels(Model(network)).of_frames(iter(frames)))
    assert len({frame.pixels.shape for frame in found}) == 1
    for color in TASKS[0].palette():
        rgb = torch.tensor(list(bytes.fromhex(color[1:])))[:, None, None]
        swatches = [(frame.pixels[:, 206:] == rgb).all(0).any() for frame in found]
        assert all(swatches), color


def test_an_option_writes_and_draws_entropies(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = write_checkpoint(network, tmp_path / "a.ckpt")
    Image.new("RGB", (40, 30), "green").save("a.png")
    predict_files(["a.png"], checkpoint, "plain")
    predict_files(["a.png"], checkpoint, "unsure", entropy=True)
    with np.load("plain/a.npz") as plain, np.load("unsure/a.npz") as unsure:
        assert "semseg_entropy" not in plain
        assert unsure["semseg_entropy"].shape == (30, 40)
        assert 0 <= unsure["semseg_entropy"].min() <= unsure["semseg_entropy"].max() <= 1
        assert "semseg_entropy" in str(unsure["units"])
    sizes = [Image.open(f"{folder}/a.png").width for folder in ("plain", "unsure")]
    assert sizes[1] > sizes[0] + 250


def test_entropies_are_stored_in_a_small_type_or_in_full_precision(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = write_checkpoint(network, tmp_path / "a.ckpt")
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save("a.png")
    predict_files(["a.png"], checkpoint, "small", entropy=True)
    predict_files(["a.png"], checkpoint, "full", entropy=True, full_precision=True)
    expected = ctal.load(checkpoint).predict("a.png", entropy=True)["semseg_entropy"]
    with np.load("small/a.npz") as small, np.load("full/a.npz") as full:
        assert np.array_equal(full["semseg_entropy"], expected)
        assert small["semseg_entropy"].dtype == np.float16
        np.testing.assert_allclose(small["semseg_entropy"], expected, atol=1 / 512 + 1e-6)


def test_entropies_of_a_network_without_classes_are_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    network = SharedEncoderNet([Depth()], "test_resnet", image_size=(32, 32))
    checkpoint = write_checkpoint(network, tmp_path / "a.ckpt")
    Image.new("RGB", (40, 30)).save("a.png")
    assert cli.main(["predict", "a.png", "--checkpoint", str(checkpoint), "--entropy"]) == 2
    printed = capfd.readouterr().err
    assert printed == "error: entropy: expected a network with classes, got depth\n"
    assert not (tmp_path / "predictions").exists()


@pytest.mark.parametrize("limit", [{}, {"domain": {"images": "rooms", "entropy": {"semseg": 0.2}}}])
def test_entropies_are_computed_only_where_they_are_needed(network, tmp_path, limit):
    model = Model(network, about=limit)
    writer = Writer(model, tmp_path, {})
    assert writer.image_options["entropy"] == bool(limit)  # for the note below a panel
    assert "entropy" not in writer.options  # of videos, which have no note
    assert Writer(model, tmp_path, {"entropy": True}).image_options["entropy"]


def test_an_unsure_image_has_a_note_below(network):
    domain = {"images": "rooms", "entropy": {"semseg": 0.2}}
    maps = {"semseg": torch.zeros(30, 40).long(), "depth": torch.ones(1, 30, 40)}
    image = torch.zeros(3, 30, 40, dtype=torch.uint8)
    sure, unsure = (
        Panels(Model(network, about={"domain": domain})).of_image(
            image, maps | {"semseg_entropy": torch.full((30, 40), value)}
        )
        for value in (0.1, 0.9)
    )
    assert unsure.shape[1] > sure.shape[1]
    assert unsure[:, -2, 2].tolist() == [0xFF, 0xF3, 0xCD]


def test_a_contact_sheet_has_the_panels_of_all_images(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = write_checkpoint(network, tmp_path / "a.ckpt")
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (40, 30), "green").save(f"in/{name}.png")
    predict_files(["in"], checkpoint, "out", contact_sheet=True)
    panel, sheet = Image.open("out/a.png"), Image.open("out/contact_sheet.png")
    height = round(panel.height * 1200 / panel.width)
    assert sheet.size == (1200, 2 * (height + 24))
    Image.new("RGB", (40, 30)).save("in/contact_sheet.png")
    with pytest.raises(InputError, match=r"^contact_sheet: expected no input of the name"):
        predict_files(["in"], checkpoint, "out", contact_sheet=True)


def test_a_contact_sheet_has_at_most_24_panels(tmp_path):
    for number in range(50):
        Image.new("RGB", (120, 10)).save(tmp_path / f"{number:02}.png")
    sheet = write_sheet(tmp_path, [f"{number:02}" for number in range(60)])
    assert Image.open(sheet).size == (1200, 24 * (100 + 24))
    assert write_sheet(tmp_path, ["none"]) is None
