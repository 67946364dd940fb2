"""Resuming `ctal predict`."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small_networks import write_checkpoint

import ctal.cli.predict_writer
from ctal.cli.predict import predict_files
from ctal.errors import InputError
from ctal.io.video import Frame, video_comment, write_video
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation


def checkpoint_of(seed, folder):
    torch.manual_seed(seed)
    tasks = [SemanticSegmentation(4), Depth()]
    network = SharedEncoderNet(tasks, "test_resnet", image_size=(32, 32))
    torch.nn.init.constant_(network.heads["depth"].predict.bias, 5.0)  # no depths below 0
    return str(write_checkpoint(network, folder / f"{seed}.ckpt"))


@pytest.fixture
def checkpoint(tmp_path):
    return checkpoint_of(0, tmp_path)


def stamps(folder):
    return {file.name: file.stat().st_mtime_ns for file in sorted(folder.iterdir())}


def contents(folder):
    return {file.stem: dict(np.load(file)) for file in sorted(folder.glob("*.npz"))}


def test_a_stopped_command_resumes(folder, checkpoint, monkeypatch, capsys):
    for n in range(4):
        Image.new("RGB", (40, 30), (60 * n, 10, 10)).save(folder / "pictures" / f"n{n}.png")
    predict_files(["pictures"], checkpoint, "whole")
    save, calls = ctal.cli.predict_writer.save_png, []

    def dying(*args):
        calls.append(args)
        if len(calls) == 4:  # the array of the fourth image is written, its panel is not
            raise MemoryError
        save(*args)

    monkeypatch.setattr(ctal.cli.predict_writer, "save_png", dying)
    with pytest.raises(MemoryError):
        predict_files(["pictures"], checkpoint)
    monkeypatch.undo()
    before = stamps(folder / "predictions")
    assert len(before) == 7
    with subprocess.Popen([sys.executable, "-c", ""]) as killed:
        pass
    (folder / "predictions" / f".n3.png.{killed.pid}.part").write_bytes(b"half")
    monkeypatch.chdir(folder)
    capsys.readouterr()
    predict_files(["pictures"], checkpoint)
    streams = capsys.readouterr()
    printed = streams.err
    assert "predictions: 3 of 6 inputs are complete and skipped" in printed
    assert "predictions: wrote .npz and .png of 3 inputs in" in streams.out
    after = stamps(folder / "predictions")
    assert list(after) == list(stamps(folder / "whole"))
    kept = {name for name, stamp in before.items() if after[name] == stamp}
    assert len(kept) == 6
    one, other = contents(folder / "predictions"), contents(folder / "whole")
    assert one.keys() == other.keys()
    for name, arrays in one.items():
        assert all(np.array_equal(value, other[name][key]) for key, value in arrays.items())


def test_a_complete_folder_is_left_as_it_is(folder, checkpoint, capsys):
    predict_files(["pictures"], checkpoint)
    before = stamps(folder / "predictions")
    predict_files(["pictures"], checkpoint)
    assert "predictions: 2 of 2 inputs are complete and skipped" in capsys.readouterr().err
    assert stamps(folder / "predictions") == before
    predict_files(["pictures"], checkpoint, overwrite=True)
    assert all(stamp > before[name] for name, stamp in stamps(folder / "predictions").items())


def test_an_input_that_has_changed_is_predicted_again(folder, checkpoint):
    predict_files(["pictures"], checkpoint)
    before = contents(folder / "predictions")
    old = stamps(folder / "predictions")
    Image.new("RGB", (40, 30), "blue").save(folder / "pictures" / "a.jpg")
    later = max(old.values()) + 10**9
    os.utime(folder / "pictures" / "a.jpg", ns=(later, later))
    predict_files(["pictures"], checkpoint)
    after = contents(folder / "predictions")
    assert not np.array_equal(after["a"]["depth"], before["a"]["depth"])
    assert stamps(folder / "predictions")["b.2.npz"] == old["b.2.npz"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"flip": True}, "flip"),
        ({"scales": [1, 2]}, "scales"),
        ({"tiled": True}, "tiled"),
        ({"overlay": True}, "overlay"),
        ({"image_size": [64, 64]}, "network"),
        ({"intrinsics": [9.0, 9.0, 5.0, 5.0], "flip": True}, "flip, intrinsics"),
    ],
)
def test_outputs_of_other_settings_are_refused(folder, checkpoint, options, keys):
    predict_files(["pictures/a.jpg"], checkpoint)
    before = stamps(folder / "predictions")
    with pytest.raises(
        InputError, match=rf"a\.npz: already exists .* from other settings \({keys}\); choose"
    ):
        predict_files(["pictures/a.jpg"], checkpoint, **options)
    assert stamps(folder / "predictions") == before


def test_outputs_of_another_network_are_refused(folder, checkpoint):
    predict_files(["pictures/a.jpg"], checkpoint)
    with pytest.raises(
        InputError, match=r"a\.npz: already exists .* from other settings \(network\); choose"
    ):
        predict_files(["pictures/a.jpg"], checkpoint_of(1, folder))
    predict_files(["pictures/a.jpg"], shutil.copy(checkpoint, folder / "same.ckpt"))


def test_outputs_of_another_input_are_refused(folder, checkpoint):
    predict_files(["pictures/a.jpg"], checkpoint)
    Image.new("RGB", (9, 9)).save(folder / "a.png")
    with pytest.raises(
        InputError, match=r"exists \(and 1 more of this input\), made from pictures/a\.jpg; choose"
    ):
        predict_files(["a.png"], checkpoint)


def test_files_without_the_one_with_the_record_are_kept(folder, checkpoint):
    predict_files(["pictures/a.jpg"], checkpoint)
    (folder / "predictions" / "a.npz").unlink()
    with pytest.raises(
        InputError, match=r"a\.png: already exists without a\.npz; remove it to predict this input"
    ):
        predict_files(["pictures/a.jpg"], checkpoint)
    (folder / "predictions" / "a.png").unlink()
    predict_files(["pictures/a.jpg"], checkpoint)
    assert (folder / "predictions" / "a.npz").is_file()


def test_the_same_image_by_another_path_is_skipped(folder, checkpoint, capsys):
    predict_files(["pictures/a.jpg"], checkpoint)
    before = stamps(folder / "predictions")
    predict_files([str(folder / "pictures" / "a.jpg")], checkpoint)
    assert "complete" in capsys.readouterr().err
    assert stamps(folder / "predictions") == before


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06" + bytes(18)])
def test_files_of_other_programs_are_refused(folder, checkpoint, content):
    (folder / "predictions").mkdir()
    (folder / "predictions" / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: already exists; choose another --output"):
        predict_files(["pictures"], checkpoint)
    assert (folder / "predictions" / "a.npz").read_bytes() == content


def test_videos_are_skipped_too(folder, checkpoint, capsys):
    pytest.importorskip("av", reason="videos need PyAV, the extra `video`")
    write_video(folder / "clip.mp4", [Frame(torch.zeros(3, 32, 48, dtype=torch.uint8), 0.0)])
    predict_files(["clip.mp4"], checkpoint)
    before = stamps(folder / "predictions")
    predict_files(["clip.mp4", "pictures/a.jpg"], checkpoint)
    assert "1 of 2 inputs are complete" in capsys.readouterr().err
    assert stamps(folder / "predictions")["clip.mp4"] == before["clip.mp4"]
    with pytest.raises(
        InputError, match=r"clip\.mp4: already exists from other settings \(flip\); choose"
    ):
        predict_files(["clip.mp4"], checkpoint, flip=True)
    assert video_comment(folder / "clip.mp4") is None
