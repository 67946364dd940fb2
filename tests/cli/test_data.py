"""`ctal data` through the command line, on a small folder."""

import json

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from PIL import Image

from ctal.cli import main
from ctal.data import DenseDataModule, PreparedArrays
from ctal.data_commands.opening import DataSettings, add_data_arguments

CONFIG = ["--config", "config.yaml", "--workers", "0"]


def error_line(args, capsys):
    """Return the single line on stderr of a failing command."""
    capsys.readouterr()
    assert main(args) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_check_of_a_valid_dataset(photos, workers, capsys):
    assert main(["data", "check", "--config", "config.yaml", "--workers", workers]) == 0
    out = capsys.readouterr().out
    assert "## train" in out
    assert "## val" in out
    assert "FolderDataset, 6 samples, images of 10x16 pixels" in out
    rows = {
        line.split("|")[1].strip(): line.split("|")[3:6]
        for line in out.splitlines()[:8]
        if "|" in line
    }
    assert [cell.strip() for cell in rows["semseg"]] == ["6", "99.4 %", "2 of 3 classes"]
    # 15 of 16 columns of the 5 samples with a map
    assert [cell.strip() for cell in rows["depth"]][:2] == ["5", "93.8 %"]
    assert "semseg: wall 50.3 %, floor 49.7 %, lamp 0.0 %" in out
    assert out.endswith("no problems\n")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_check_lists_all_unusable_samples(photos, spoil, workers, capsys):
    spoil()
    (photos / "normals" / "3.npy").unlink()
    split = ["--split", "train"]
    assert main(["data", "check", "--config", "config.yaml", "--workers", workers, *split]) == 1
    out = capsys.readouterr().out
    assert "5 of 6 samples cannot be used" in out
    problems = [line for line in out.splitlines() if line.startswith("- ")]
    assert [line[2] for line in problems] == ["0", "1", "2", "3", "5"]
    for line, place, reason in zip(
        problems,
        ["image/0.png", "classes/1.png", "classes/2.png", "normals/3.npy", "depth/5.npy"],
        [
            "",
            "expected 10x16 pixels",
            "expected class ids 0..2",
            "file not found; set `optional: true`",
            "expected meters > 0",
        ],
        strict=True,
    ):
        assert f"photos/{place}" in line
        assert reason in line
    assert "FolderDataset, 1 of 6 samples usable" in out
    assert out.endswith("5 problems\n")


def test_many_problems_are_grouped(photos, capsys):
    """25 more samples without normals, and as many unused depth maps: the first of each kind."""
    for index in range(10, 35):
        for place in (photos / "image" / f"{index}.png", photos / "classes" / f"{index}.png"):
            place.write_bytes((place.parent / "0.png").read_bytes())
        (photos / "depth" / f"s{index}.npy").write_bytes((photos / "depth" / "0.npy").read_bytes())
    Image.fromarray(np.full((10, 16), 3, np.uint8)).save(photos / "classes" / "2.png")
    command = ["data", "check", *CONFIG, "--split", "train"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert "26 of 31 samples cannot be used:" in out
    assert "note: 25 files not used:" in out
    listed = [line for line in out.splitlines() if line.startswith("- ")]
    assert sum("normals" in line and "file not found" in line for line in listed) == 3
    assert sum("a map without an image" in line for line in listed) == 3
    assert sum("expected class ids 0..2" in line for line in listed) == 1  # a kind of its own
    assert out.count("... and 22 more of this kind\n") == 2
    assert "`--all` lists all of them" in out
    assert out.endswith("26 problems\n")
    assert main([*command, "--all"]) == 1
    out = capsys.readouterr().out
    assert sum(line.startswith("- ") for line in out.splitlines()) == 26 + 25
    assert "more of this kind" not in out


def test_check_continues_after_a_split_that_cannot_be_opened(photos, capsys):
    elsewhere = ["--data.train.init_args.root=nowhere"]
    assert main(["data", "check", *CONFIG, *elsewhere]) == 1
    out = capsys.readouterr().out
    assert "cannot be opened: root: expected a folder, got nowhere" in out
    assert "FolderDataset, 3 samples" in out
    assert out.endswith("1 problem\n")


def test_check_reports_invalid_settings_like_any_command(photos, capsys):
    """Errors in the settings are not problems of the data."""
    command = ["data", "check", *CONFIG]
    assert "tasks: expected distinct" in error_line([*command, "--data.tasks=[dept]"], capsys)
    assert "image_size: expected" in error_line([*command, "--data.image_size=[-5, 8]"], capsys)


@pytest.mark.parametrize(("scale", "shown"), [(1, False), (1000, True)])
def test_check_reports_depth_that_is_probably_in_millimeters(photos, capsys, scale, shown):
    for file in (photos / "depth").iterdir():
        np.save(file, np.full((10, 16), 1.5 * scale, np.float32))
    assert main(["data", "check", *CONFIG, "--split", "train"]) == 0
    note = (
        "note: depth: the median is 1500 m; for files in millimeters set `scale: 0.001` of the map"
    )
    printed = capsys.readouterr().out
    assert (note in printed.splitlines()) == shown
    assert printed.endswith("no problems; see the note on depth\n" if shown else "no problems\n")


def test_check_reports_samples_in_two_splits(photos, capsys):
    def notes(train, val):
        parts = [f"--data.train.init_args.{train}", f"--data.val.init_args.{val}"]
        assert main(["data", "check", *CONFIG, *parts]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]

    assert notes("fraction=[0.5,1]", "fraction=[0,0.5]") == []
    (line,) = notes("fraction=[0,0.9]", "fraction=[0.5,1]")
    assert line.startswith("note: train and val share 2 samples, such as 3; ")


def test_custom_datasets_are_checked_too(photos, capsys):
    """Errors that a FolderDataset cannot have: invalid samples, a file deleted later."""
    (photos.parent / "my_scans.py").write_text(
        "import torch\n"
        "from torchvision.tv_tensors import Image\n"
        "from ctal.data import DenseDataset, DepthMap, ClassMap\n"
        "from ctal.tasks import Depth\n\n\n"
        "class Scans(DenseDataset):\n"
        "    def __init__(self):\n"
        "        self.tasks = [Depth()]\n\n"
        "    def __len__(self):\n"
        "        return 6\n\n"
        "    def sample_name(self, index):\n"
        "        return f'scan{index}'\n\n"
        "    def __getitem__(self, index):\n"
        "        image, depth = Image(torch.rand(3, 4, 4)), DepthMap(torch.ones(1, 4, 4))\n"
        "        if index == 1:\n"
        "            open('gone.h5')\n"
        "        if index == 2:\n"
        "            image = Image(image * 255)\n"
        "        if index == 3:\n"
        "            depth = DepthMap(torch.ones(4, 4))\n"
        "        if index == 4:\n"
        "            depth = torch.ones(1, 4, 4)\n"
        "        return {'image': image, 'depth': depth}\n"
    )
    assert main(["data", "check", "--data.train=my_scans.Scans", "--workers=0"]) == 1
    out = capsys.readouterr().out
    problems = [line for line in out.splitlines() if line.startswith("- ")]
    assert [line[:7] for line in problems] == [f"- scan{index}" for index in (1, 2, 3, 4)]
    assert "gone.h5" in problems[0]
    assert "image: expected values in 0..1" in problems[1]
    assert "depth: expected a DepthMap, torch.float32 of the shape (1, 4, 4)" in problems[2]
    assert "got a Tensor" in problems[3]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--split", "test"], "split: expected one of train, val, got 'test'"),
        (["--workers", "-1"], "workers: expected an integer >= 0"),
        (["--wrokers", "1"], "did you mean '--workers'"),
        (["--data.tasks=[dept]"], "tasks: expected distinct names from semseg, depth, normals"),
        (["--data.train.init_args.rot=x"], "'rot'"),
        (["--config", "typo.yaml"], "does not accept option 'trian'"),
        (["--config", "broken.yaml"], "broken.yaml: not a configuration"),
    ],
)
def test_invalid_arguments(photos, wrong, named, capsys):
    (photos.parent / "typo.yaml").write_text("data: {trian: 2}")
    (photos.parent / "broken.yaml").write_text("data: {trian: [")
    assert named in error_line(["data", "stats", *CONFIG, *wrong], capsys)


def test_help_and_unknown_commands(capsys):
    assert main(["data"]) == main(["data", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in ("check", "show", "stats", "prepare"))
    assert "did you mean 'check'" in error_line(["data", "chekc"], capsys)
    assert "data.train" in error_line(["data", "check"], capsys)
    assert main(["data", "prepare", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--image_size" in out
    assert "--data.train" in out


def test_stats(photos, capsys):
    assert main(["data", "stats", *CONFIG, "--output", "stats.json"]) == 0
    out = capsys.readouterr().out
    assert "### depth" in out
    written = (photos.parent / "stats.json").read_text()
    command = ["data", "stats", *CONFIG, "--split", "val", "--output", "stats.json"]
    assert "stats.json: already exists" in error_line(command, capsys)
    assert (photos.parent / "stats.json").read_text() == written
    train = json.loads(written)["train"]
    pictures = np.stack([np.asarray(Image.open(photos / "image" / f"{i}.png")) for i in range(6)])
    assert train["picture"]["mean"] == pytest.approx((pictures / 255).mean((0, 1, 2)).tolist())
    assert train["picture"]["std"] == pytest.approx((pictures / 255).std((0, 1, 2)).tolist())
    assert train["sizes"] == {"10x16": 6}
    classes = train["tasks"]["semseg"]["classes"]
    assert [entry["name"] for entry in classes] == ["wall", "floor", "lamp"]
    assert [entry["pixels"] for entry in classes] == pytest.approx([80 / 159, 79 / 159, 0])
    assert [entry["samples"] for entry in classes] == [6, 6, 0]
    depth = np.concatenate(
        [np.load(photos / "depth" / f"{i}.npy")[:, 1:].ravel() for i in (0, 1, 2, 3, 5)]
    )
    found = train["tasks"]["depth"]
    assert found["samples"] == 5
    assert found["labelled"] == pytest.approx(15 / 16)  # of the samples with a map
    assert found["mean"] == pytest.approx(depth.mean(), rel=1e-6)
    assert (found["min"], found["max"]) == (depth.min(), depth.max())
    for share, value in found["quantiles"].items():
        wanted = np.quantile(depth, float(share), method="inverted_cdf")
        assert value == pytest.approx(wanted, rel=1e-3)
    normals = np.stack([np.load(photos / "normals" / f"{i}.npy") for i in range(6)]).reshape(-1, 3)
    found = train["tasks"]["normals"]
    assert found["mean"] == pytest.approx(normals.mean(0).tolist(), abs=1e-6)
    largest = np.abs(normals).argmax(1)
    for sign, letter in ((-1, "-"), (1, "+")):
        for axis in range(3):
            wanted = np.mean((largest == axis) & (np.sign(normals[:, axis]) == sign))
            assert found["towards"][f"{letter}{'xyz'[axis]}"] == pytest.approx(wanted)
    assert sum(found["towards"].values()) == pytest.approx(1)


def test_stats_are_overwritten_on_request(photos):
    (photos.parent / "stats.json").write_text("old")
    command = ["data", "stats", *CONFIG, "--split", "val", "--output", "stats.json"]
    assert main([*command, "--overwrite"]) == 0
    assert list(json.loads((photos.parent / "stats.json").read_text())) == ["val"]


def test_stats_of_an_unreadable_sample(photos, spoil, capsys):
    spoil()
    line = error_line(["data", "stats", *CONFIG], capsys)
    assert "photos/image/0.png" in line
    assert "`ctal data check` reports all 4 of them" in line


def test_show(photos, capsys):
    command = ["data", "show", "--config", "config.yaml", "--samples", "2"]
    assert main(command) == 0
    with Image.open("samples.png") as sheet:
        first = np.asarray(sheet)
    # 4 rows (2 samples of 2 splits) of 4 images, each 16 pixels wide and enlarged 16 times
    assert first.shape[1] > 4 * 256
    assert first.shape[0] > 4 * 160
    assert "--overwrite" in error_line(command, capsys)
    for seed in "12":
        assert main([*command, "--overwrite", "--seed", seed, "--split", "train"]) == 0
    assert "samples: expected an integer >= 1" in error_line([*command, "--samples=0"], capsys)


def test_show_marks_a_missing_map(photos):
    assert main(["data", "show", "--config", "config.yaml", "--samples", "6", "--split=train"]) == 0
    with Image.open("samples.png") as sheet:
        assert sheet.height > 6 * 160


def samples_of(config):
    """Return all samples before augmentation by split, and the tasks."""
    parser = ArgumentParser(exit_on_error=False)
    add_data_arguments(parser)
    data = DataSettings(parser.parse_args(["--config", config]).as_dict()["data"])
    module = DenseDataModule(
        data.open("train"),
        data.open("val"),
        tasks=["normals", "semseg", "depth"],
        image_size=(6, 9),
    )
    prepared = {split: module.prepared(split) for split in ("train", "val")}
    return module.tasks, {k: [v[index] for index in range(len(v))] for k, v in prepared.items()}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_prepared_arrays_equal_the_samples_of_training(photos, workers, capsys):
    options = [
        "--image_size",
        "6",
        "9",
        "--data.tasks=[normals, semseg, depth]",
        "--workers",
        workers,
    ]
    assert main(["data", "prepare", "--config", "config.yaml", "--output", "packed", *options]) == 0
    yaml = capsys.readouterr().out.partition("\n\n")[2]
    (photos.parent / "packed.yaml").write_text(yaml)
    tasks, wanted = samples_of("config.yaml")
    packed_tasks, found = samples_of("packed.yaml")
    assert packed_tasks == tasks
    for split, count in (("train", 6), ("val", 3)):
        direct = PreparedArrays(f"packed/{split}")
        assert [task.name for task in direct.tasks] == ["normals", "semseg", "depth"]
        assert len(found[split]) == len(wanted[split]) == len(direct) == count
        for index, (a, b) in enumerate(zip(found[split], wanted[split], strict=True)):
            for sample in (a, direct[index]):
                assert list(sample) == list(b)
                for name, value in b.items():
                    assert type(sample[name]) is type(value)
                    assert sample[name].dtype == value.dtype
                    assert torch.equal(sample[name], value)
    assert "depth" not in found["train"][4]
    assert PreparedArrays("packed/train").sample_name(4) == "4"
    assert "packed/train: already exists" in error_line(
        ["data", "prepare", "--config", "config.yaml", "--output", "packed", *options], capsys
    )


def test_no_split_is_prepared_if_one_is_invalid(photos, capsys):
    command = ["data", "prepare", *CONFIG, "--output", "packed"]
    elsewhere = "--data.val.init_args.root=nowhere"
    assert "root: expected a folder, got nowhere" in error_line([*command, elsewhere], capsys)
    assert "workers: expected" in error_line([*command, "--workers=-1"], capsys)
    assert not (photos.parent / "packed").exists()


def test_a_failed_preparation_leaves_no_files(photos, spoil, capsys):
    spoil()
    command = ["data", "prepare", *CONFIG, "--output", "packed", "--data.image_size=[5, 8]"]
    (photos / "image" / "0.png").write_bytes((photos / "image" / "3.png").read_bytes())
    assert "photos/classes/1.png" in error_line(command, capsys)
    assert not (photos.parent / "packed").exists()
    line = error_line([*command, "--image_size", "5"], capsys)
    assert "image_size: expected height and width" in line
