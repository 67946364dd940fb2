import json

import numpy as np
import pytest
import torch
from PIL import Image

from ctal import cli
from ctal.errors import InputError
from ctal.networks import SharedEncoderNet, describe
from ctal.prediction import find_pictures, predict_files
from ctal.tasks import Depth, SemanticSegmentation


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    tasks = [SemanticSegmentation(4), Depth()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    torch.nn.init.constant_(network.heads["depth"].predict.bias, 5.0)  # no depths below 0
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    path = tmp_path_factory.mktemp("checkpoint") / "a.ckpt"
    torch.save({"state_dict": state, "ctal": describe(network)}, path)
    return str(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with pictures/ of two pictures, a note and a picture of a Mac's."""
    monkeypatch.chdir(tmp_path)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (40, 30), "red").save(pictures / "a.jpg")
    Image.new("L", (21, 33), 80).save(pictures / "b.2.PNG")
    (pictures / "note.txt").write_text("not a picture")
    (pictures / "._a.jpg").write_text("not a picture")
    return tmp_path


def written(folder):
    return sorted(file.name for file in folder.iterdir())


class TestFindPictures:
    def test_folder_glob_and_file(self, folder):
        found = ["pictures/a.jpg", "pictures/b.2.PNG"]
        assert [str(f) for f in find_pictures(["pictures"])] == found
        assert [str(f) for f in find_pictures(["pictures/*.jpg"])] == found[:1]
        assert [str(f) for f in find_pictures(["**/*.PNG"])] == found[1:]
        assert [str(f) for f in find_pictures(["pictures/b.2.PNG", "pictures"])] == found[::-1]

    def test_a_name_with_brackets_is_a_file_first(self, folder):
        (folder / "x[1].png").write_bytes(b"")
        assert [str(f) for f in find_pictures(["x[1].png"])] == ["x[1].png"]

    @pytest.mark.parametrize("entry", ["none", "pictures/*.gif", "empty"])
    def test_nothing_matches(self, folder, entry):
        (folder / "empty").mkdir()
        with pytest.raises(InputError, match="expected a picture, a folder") as caught:
            find_pictures(["pictures", entry])
        assert str(caught.value).startswith(entry)


class TestPredictFiles:
    def test_arrays_with_units_and_a_panel(self, folder, checkpoint):
        predict_files(["pictures"], checkpoint)
        assert written(folder / "predictions") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]
        with np.load(folder / "predictions" / "b.2.npz", allow_pickle=False) as content:
            assert set(content.files) == {"semseg", "depth", "units", "source"}
            assert (content["semseg"].shape, content["depth"].shape) == ((33, 21), (33, 21))
            assert content["semseg"].dtype.kind == "i"
            assert content["depth"].dtype == np.float32
            assert json.loads(str(content["units"])) == {"semseg": "class id", "depth": "m"}
            assert str(content["source"]) == "pictures/b.2.PNG"
        panel = Image.open(folder / "predictions" / "a.png")
        assert panel.size[0] > 3 * 240

    def test_arrays_are_those_of_predict(self, folder, checkpoint):
        import ctal

        predict_files(["pictures/a.jpg"], checkpoint)
        expected = ctal.load(checkpoint).predict(folder / "pictures" / "a.jpg")
        with np.load(folder / "predictions" / "a.npz") as content:
            assert all(np.array_equal(content[name], expected[name]) for name in expected)

    def test_another_size_and_the_pictures_own_shapes(self, folder, checkpoint):
        import ctal

        predict_files(["pictures"], checkpoint, image_size=[64, 96], own_shape=True)
        model = ctal.load(checkpoint, image_size=(64, 96))
        for name, size in (("a.jpg", (30, 40)), ("b.2.PNG", (33, 21))):
            expected = model.predict(folder / "pictures" / name, own_shape=True)
            with np.load(folder / "predictions" / f"{name[:-4]}.npz") as content:
                assert content["depth"].shape == size
                assert all(np.array_equal(content[key], expected[key]) for key in expected)
        stretched = ctal.load(checkpoint).predict(folder / "pictures" / "b.2.PNG")
        assert not np.array_equal(stretched["depth"], expected["depth"])

    def test_unreadable_ones_are_named_and_the_others_done(self, folder, checkpoint, capfd):
        (folder / "pictures" / "bad.png").write_text("text")
        data = (folder / "pictures" / "a.jpg").read_bytes()
        (folder / "pictures" / "cut.jpg").write_bytes(data[:400])
        with pytest.raises(InputError, match=r"^2 of 4 pictures could not be read"):
            predict_files(["pictures"], checkpoint)
        told = capfd.readouterr().err
        assert told.count("pictures/bad.png: ") == told.count("pictures/cut.jpg: ") == 1
        assert written(folder / "predictions") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]

    def test_a_single_unreadable_one_is_told_in_one_line(self, folder, checkpoint):
        (folder / "bad.png").write_text("text")
        with pytest.raises(InputError, match=r"^bad\.png: cannot be read as a picture \([^;]*\)$"):
            predict_files(["bad.png"], checkpoint)
        with pytest.raises(InputError, match=r"^bad\.png: .*; the others are in predictions$"):
            predict_files(["bad.png", "pictures"], checkpoint)

    def test_same_stems_do_not_overwrite_each_other(self, folder, checkpoint):
        Image.new("RGB", (5, 6)).save(folder / "a.png")
        Image.new("RGB", (7, 8)).save(folder / "a-2.png")
        predict_files(["a.png", "pictures/a.jpg", "a-2.png"], checkpoint, "out")
        sizes = {f.stem: np.load(f)["depth"].shape for f in (folder / "out").glob("*.npz")}
        assert sizes == {"a": (6, 5), "a-2": (30, 40), "a-2-2": (8, 7)}

    def test_existing_outputs_are_kept_unless_told(self, folder, checkpoint):
        (folder / "predictions").mkdir()
        (folder / "predictions" / "b.2.png").write_text("mine")
        with pytest.raises(InputError, match=r"predictions/b\.2\.png: exists already \(1 of"):
            predict_files(["pictures"], checkpoint)
        assert written(folder / "predictions") == ["b.2.png"]
        predict_files(["pictures"], checkpoint, overwrite=True)
        assert Image.open(folder / "predictions" / "b.2.png").mode == "RGB"

    def test_never_overwrites_what_it_reads(self, folder, checkpoint):
        Image.new("RGB", (5, 6)).save(folder / "c.png")
        before = (folder / "c.png").read_bytes()
        with pytest.raises(InputError, match=r"c\.png: is a picture to read"):
            predict_files(["c.png"], checkpoint, ".", overwrite=True)
        assert (folder / "c.png").read_bytes() == before

    def test_an_output_that_cannot_be_a_folder(self, folder, checkpoint):
        (folder / "file").write_text("")
        with pytest.raises(InputError, match=r"file/a\.npz: cannot be written"):
            predict_files(["pictures/a.jpg"], checkpoint, "file")


class TestCommandLine:
    def test_pictures_checkpoint_and_flag(self, folder, checkpoint, capfd):
        command = ["predict", "pictures/a.jpg", "pictures/*.PNG", "--checkpoint", checkpoint]
        assert cli.main([*command, "--output", "out"]) == 0
        assert written(folder / "out") == ["a.npz", "a.png", "b.2.npz", "b.2.png"]
        assert cli.main([*command, "--output", "out"]) == 2
        assert (
            capfd.readouterr().err.splitlines()[-1].startswith("error: out/a.npz: exists already")
        )
        assert cli.main([*command, "--output", "out", "--overwrite"]) == 0
        size = ["--image_size", "64", "32", "--own_shape"]
        assert cli.main([*command, "--output", "other", *size]) == 0

    @pytest.mark.parametrize(
        ("size", "message"),
        [
            (["64", "100"], "image_size: expected height and width in multiples of 32"),
            (["64"], "image_size: expected height and width in pixels, got '64'"),
            (["64", "-32"], "image_size: expected height and width in pixels, got '64 -32'"),
            (["64", "large"], "image_size: "),
        ],
    )
    def test_sizes_that_cannot_be(self, folder, checkpoint, size, message, capfd):
        command = ["predict", "pictures", "--checkpoint", checkpoint, "--image_size", *size]
        assert cli.main(command) == 2
        told = capfd.readouterr().err
        assert told.startswith(f"error: {message}")
        assert told.count("\n") == 1
        assert not (folder / "predictions").exists()

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["pictures"], "checkpoint"),
            (["--checkpoint", "none.ckpt"], "inputs"),
            (["pictures", "--checkpoint", "none.ckpt"], "error: none.ckpt: no such checkpoint"),
            (["pictures", "--checkpoint", "a", "--outptu", "b"], "outptu"),
        ],
    )
    def test_mistakes_are_told_in_one_line(self, folder, args, message, capfd):
        assert cli.main(["predict", *args]) == 2
        told = capfd.readouterr().err
        assert message in told
        assert told.startswith("error: ")
        assert told.count("\n") == 1
