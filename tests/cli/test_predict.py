import json
import os
import signal
import time

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.cli.predict import predict_files
from ctal.errors import InputError
from ctal.io.video import Frame, video_frames, write_video
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, InverseDepth, SemanticSegmentation

NO_SIZE = "image_size: expected height and width in pixels, or one integer >= 1 for a square, got "


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    torch.nn.init.constant_(network.heads["depth"].predict.bias, 5.0)  # no depths below 0
    return str(write_checkpoint(network, tmp_path_factory.mktemp("checkpoint") / "a.ckpt"))


def written(folder):
    return sorted(file.name for file in folder.iterdir())


class TestPredictFiles:
    def test_arrays_with_units_and_a_panel(self, folder, checkpoint):
        predict_files(["pictures"], checkpoint)
        assert written(folder / "predictions") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]
        with np.load(folder / "predictions" / "b.2.npz", allow_pickle=False) as content:
            notes = {"units", "class_names", "source", "record"}
            assert set(content.files) == {"semseg", "depth", *notes}
            assert json.loads(str(content["class_names"])) == {}  # this network has none
            assert (content["semseg"].shape, content["depth"].shape) == ((33, 21), (33, 21))
            assert (content["semseg"].dtype, content["depth"].dtype) == (np.uint8, np.float16)
            assert json.loads(str(content["units"])) == {"semseg": "class id", "depth": "m"}
            assert str(content["source"]) == "pictures/b.2.PNG"
        panel = Image.open(folder / "predictions" / "a.png")
        assert panel.size[0] > 3 * 240

    def test_names_of_classes(self, folder, tmp_path):
        tasks = [SemanticSegmentation(2, class_names=["wall", "floor"]), Depth()]
        network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
        predict_files(["pictures/a.jpg"], str(write_checkpoint(network, tmp_path / "named.ckpt")))
        with np.load(folder / "predictions" / "a.npz", allow_pickle=False) as content:
            assert json.loads(str(content["class_names"])) == {"semseg": ["wall", "floor"]}

    def test_arrays_with_full_precision_equal_model_predict(self, folder, checkpoint):
        import ctal

        predict_files(["pictures/a.jpg"], checkpoint, full_precision=True)
        expected = ctal.load(checkpoint).predict(folder / "pictures" / "a.jpg")
        with np.load(folder / "predictions" / "a.npz") as content:
            for name, values in expected.items():
                assert content[name].dtype == values.dtype
                assert np.array_equal(content[name], values)

    def test_arrays_are_those_of_model_predict_in_smaller_types(self, folder, checkpoint):
        import ctal

        predict_files(["pictures/a.jpg"], checkpoint)
        expected = ctal.load(checkpoint).predict(folder / "pictures" / "a.jpg")
        with np.load(folder / "predictions" / "a.npz") as content:
            assert np.array_equal(content["semseg"], expected["semseg"])
            assert np.array_equal(content["depth"], expected["depth"].astype(np.float16))

    def test_another_size_and_keep_aspect_ratio(self, folder, checkpoint):
        import ctal

        predict_files(
            ["pictures"],
            checkpoint,
            image_size=[64, 96],
            keep_aspect_ratio=True,
            full_precision=True,
        )
        model = ctal.load(checkpoint, image_size=(64, 96))
        for name, size in (("a.jpg", (30, 40)), ("b.2.PNG", (33, 21))):
            expected = model.predict(folder / "pictures" / name, keep_aspect_ratio=True)
            with np.load(folder / "predictions" / f"{name[:-4]}.npz") as content:
                assert content["depth"].shape == size
                assert all(np.array_equal(content[key], expected[key]) for key in expected)
        stretched = ctal.load(checkpoint).predict(folder / "pictures" / "b.2.PNG")
        assert not np.array_equal(stretched["depth"], expected["depth"])

    def test_unreadable_inputs_are_reported_after_the_others(self, folder, checkpoint, capfd):
        (folder / "pictures" / "bad.png").write_text("text")
        data = (folder / "pictures" / "a.jpg").read_bytes()
        (folder / "pictures" / "cut.jpg").write_bytes(data[:400])
        with pytest.raises(InputError, match=r"^2 of 4 inputs could not be read"):
            predict_files(["pictures"], checkpoint)
        printed = capfd.readouterr().err
        assert printed.count("pictures/bad.png: ") == printed.count("pictures/cut.jpg: ") == 1
        assert written(folder / "predictions") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]

    def test_skipped_images_are_reported(self, folder, checkpoint, capsys):
        (folder / "pictures" / "c.CR2").write_bytes(b"?")
        (folder / "pictures" / "d.txt").write_text("text")
        predict_files(["pictures"], checkpoint)
        printed = capsys.readouterr().err
        assert "pictures/c.CR2: skipped; it is a camera raw format; convert it" in printed
        assert "d.txt" not in printed

    def test_all_frames_of_an_animated_image_are_predicted(self, folder, checkpoint):
        pytest.importorskip("av", reason="videos need PyAV, the extra `video`")
        frames = [Image.new("RGB", (48, 32), (60 * n, 0, 0)) for n in range(3)]
        frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=100)
        predict_files(["a.gif"], checkpoint)
        assert written(folder / "predictions") == ["a.mp4"]
        assert len(list(video_frames(folder / "predictions" / "a.mp4"))) == 3

    def test_a_single_unreadable_input_is_reported_in_one_line(self, folder, checkpoint):
        (folder / "bad.png").write_text("text")
        with pytest.raises(
            InputError,
            match=r"^bad\.png: cannot be read as an image \(unknown format\); [^;]*; save[^;]*$",
        ):
            predict_files(["bad.png"], checkpoint)
        with pytest.raises(InputError, match=r"^bad\.png: .*; the others are in predictions$"):
            predict_files(["bad.png", "pictures"], checkpoint)

    def test_same_stems_do_not_overwrite_each_other(self, folder, checkpoint):
        Image.new("RGB", (5, 6)).save(folder / "a.png")
        Image.new("RGB", (7, 8)).save(folder / "a-2.png")
        predict_files(["a.png", "pictures/a.jpg", "a-2.png"], checkpoint, "out")
        sizes = {f.stem: np.load(f)["depth"].shape for f in (folder / "out").glob("*.npz")}
        assert sizes == {"a": (6, 5), "a-2": (30, 40), "a-2-2": (8, 7)}

    def test_existing_outputs_are_kept_without_overwrite(self, folder, checkpoint):
        (folder / "predictions").mkdir()
        (folder / "predictions" / "b.2.png").write_text("mine")
        with pytest.raises(InputError, match=r"predictions/b\.2\.png: already exists"):
            predict_files(["pictures"], checkpoint)
        assert written(folder / "predictions") == ["b.2.png"]
        predict_files(["pictures"], checkpoint, overwrite=True)
        assert Image.open(folder / "predictions" / "b.2.png").mode == "RGB"

    def test_inputs_are_never_overwritten(self, folder, checkpoint):
        Image.new("RGB", (5, 6)).save(folder / "c.png")
        before = (folder / "c.png").read_bytes()
        with pytest.raises(InputError, match=r"c\.png: is an input and would be overwritten"):
            predict_files(["c.png"], checkpoint, ".", overwrite=True)
        assert (folder / "c.png").read_bytes() == before

    def test_an_output_that_is_a_file_is_rejected(self, folder, checkpoint):
        (folder / "file").write_text("")
        with pytest.raises(InputError, match=r"file/a\.npz: cannot be written"):
            predict_files(["pictures/a.jpg"], checkpoint, "file")


class TestCommandLine:
    def test_images_checkpoint_and_flags(self, folder, checkpoint, capfd):
        command = ["predict", "pictures/a.jpg", "pictures/*.PNG", "--checkpoint", checkpoint]
        assert cli.main([*command, "--output", "out"]) == 0
        assert written(folder / "out") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]
        assert cli.main([*command, "--output", "out"]) == 0
        assert "out: 2 of 2 inputs are complete and skipped; pass --over" in capfd.readouterr().err
        assert cli.main([*command, "--output", "out", "--flip"]) == 2
        assert (
            capfd.readouterr()
            .err.splitlines()[-1]
            .startswith(
                "error: out/a.npz: already exists (and 1 more of this input) from other settings "
                "(flip);"
            )
        )
        assert cli.main([*command, "--output", "out", "--overwrite"]) == 0
        size = ["--image_size", "64", "32", "--keep_aspect_ratio"]
        assert cli.main([*command, "--output", "other", *size]) == 0

    @pytest.mark.parametrize(
        ("size", "message"),
        [
            (["64", "100"], "image_size: expected height and width in multiples of 32"),
            (["64"] * 3, NO_SIZE + "[64, 64, 64]"),
            (["64", "-32"], NO_SIZE + "[64, -32]"),
            (["64", "large"], "image_size: "),
        ],
    )
    def test_invalid_sizes(self, folder, checkpoint, size, message, capfd):
        command = ["predict", "pictures", "--checkpoint", checkpoint, "--image_size", *size]
        assert cli.main(command) == 2
        printed = capfd.readouterr().err
        assert printed.startswith(f"error: {message}")
        assert printed.count("\n") == 1
        assert not (folder / "predictions").exists()

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["--checkpoint", "none.ckpt"], "inputs"),
            (["pictures", "--checkpoint", "none.ckpt"], "error: none.ckpt: checkpoint not found"),
            (["pictures", "--checkpoint", "a", "--outptu", "b"], "outptu"),
        ],
    )
    def test_user_errors_are_reported_in_one_line(self, folder, args, message, capfd):
        assert cli.main(["predict", *args]) == 2
        printed = capfd.readouterr().err
        assert message in printed
        assert printed.startswith("error: ")
        assert printed.count("\n") == 1


class TestForms:
    def test_tiled_arrays_equal_model_predict(self, folder, checkpoint):
        import ctal

        predict_files(["pictures/a.jpg"], checkpoint, tiled=True, image_size=[32, 32])
        Image.new("RGB", (90, 70), "blue").save(folder / "large.png")
        predict_files(["large.png"], checkpoint, "out", tiled=True, full_precision=True)
        expected = ctal.load(checkpoint).predict(folder / "large.png", tiled=True)
        with np.load(folder / "out" / "large.npz") as content:
            assert all(np.array_equal(content[name], expected[name]) for name in expected)

    def test_overlays_blend_the_image_with_the_maps(self, folder, checkpoint):
        for overlay in (False, True):
            predict_files(["pictures/a.jpg"], checkpoint, f"{overlay}", overlay=overlay)
        beside, laid = (
            np.asarray(Image.open(folder / f"{overlay}" / "a.png")) for overlay in (False, True)
        )
        assert beside.shape == laid.shape
        tile = slice(50, 100)  # the images have 240 x 180 pixels, and their columns 268
        picture, half = laid[tile, 50:100], laid[tile, 318:368]
        painted = beside[tile, 318:368]
        assert np.abs(picture.astype(int) - beside[tile, 50:100]).max() == 0
        assert np.abs(half - (picture / 2 + painted / 2)).max() <= 1.5

    def test_a_point_cloud(self, folder, checkpoint):
        predict_files(["pictures/a.jpg"], checkpoint, intrinsics=[50.0, 50.0, 20.0, 15.0])
        assert written(folder / "predictions") == ["a.npz", "a.ply", "a.png"]
        header = (folder / "predictions" / "a.ply").read_bytes()[:200]
        assert b"element vertex 1200\n" in header
        with pytest.raises(
            InputError,
            match=r"a\.npz: .* \(and 2 more of this input\) from other settings \(intrinsics\);",
        ):
            predict_files(["pictures/a.jpg"], checkpoint, intrinsics=[50.0, 50.0, 20.0, 16.0])

    def test_a_camera_of_another_image_size_leaves_no_file(self, folder, checkpoint):
        with pytest.raises(InputError, match=r"expected cx in 0..40 and cy in 0..30, .*got 90 15;"):
            predict_files(["pictures/a.jpg"], checkpoint, intrinsics=[50.0, 50.0, 90.0, 15.0])
        assert not list(folder.glob("predictions/*"))

    def test_no_point_cloud_without_a_camera_or_meters(self, folder, checkpoint):
        with pytest.raises(InputError, match="expected fx fy cx cy"):
            predict_files(["pictures"], checkpoint, intrinsics=[50.0])
        network = SharedEncoderNet([InverseDepth()], "test_resnet", image_size=(32, 32))
        other = write_checkpoint(network, folder / "other.ckpt")
        with pytest.raises(InputError, match="depth in meters for a point cloud, got inverse"):
            predict_files(["pictures"], str(other), intrinsics=[50.0, 50.0, 20.0, 15.0])
        assert not (folder / "predictions").exists()

    def test_videos_become_videos_of_panels(self, folder, checkpoint):
        frames = [
            Frame(torch.full((3, 40, 60), 20 * n, dtype=torch.uint8), n / 5) for n in range(9)
        ]
        write_video(folder / "clip.mp4", frames)
        (folder / "bad.mp4").write_bytes(b"text")
        with pytest.raises(InputError, match=r"bad\.mp4: .* cannot be read .*; the others are in"):
            predict_files(["bad.mp4", "clip.mp4", "pictures/a.jpg"], checkpoint)
        assert written(folder / "predictions") == ["a.npz", "a.png", "clip.mp4"]
        found = list(video_frames(folder / "predictions" / "clip.mp4"))
        assert [frame.seconds for frame in found] == pytest.approx([f.seconds for f in frames])
        assert found[0].pixels.shape[2] > 3 * 240

    def test_maps_of_large_images_are_allocated_in_files(self, folder, checkpoint, monkeypatch):
        noise = np.random.default_rng(0).integers(0, 255, (90, 70, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "large.png")
        predict_files(["large.png"], checkpoint, "usual")
        for module in ("inference.runner", "inference.postprocessing", "cli.predict_images"):
            monkeypatch.setattr(f"ctal.{module}.LARGE", 100)
        monkeypatch.setattr("ctal.cli.predict_panels._LONGEST", 45)
        monkeypatch.setattr("ctal.inference.postprocessing._STRIP", 700)
        predict_files(["large.png"], checkpoint, "parts")
        assert written(folder / "parts") == ["large.npz", "large.png"]
        with np.load("usual/large.npz") as usual, np.load("parts/large.npz") as parts:
            assert parts["depth"].shape == (90, 70)
            np.testing.assert_allclose(parts["depth"], usual["depth"], atol=0.05)
            assert (parts["semseg"] == usual["semseg"]).mean() > 0.97


@pytest.mark.parametrize(("name", "shown"), [("SIGTERM", "SIGTERM"), ("SIGINT", "Ctrl-C")])
def test_a_signal_leaves_no_partial_file(folder, checkpoint, monkeypatch, capfd, name, shown):
    def stopped(file, arrays, check):
        file.write(b"half")
        os.kill(os.getpid(), getattr(signal, name))
        for _ in range(1000):  # a large array, block by block
            time.sleep(0.01)
            check()

    monkeypatch.setattr("ctal.cli.predict_writer.write_npz", stopped)
    start = time.perf_counter()
    args = ["predict", "pictures", "--checkpoint", checkpoint]
    assert cli.main(args) == 128 + getattr(signal, name)
    assert time.perf_counter() - start < 9
    assert f"stopped by {shown}; the same command predicts the rest\n" in capfd.readouterr().err
    assert written(folder / "predictions") == []


def test_missing_arguments_refer_to_help(capfd):
    assert cli.main(["predict"]) == 2
    assert capfd.readouterr().err.endswith("; see --help\n")
