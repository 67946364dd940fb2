import json

import numpy as np
import pytest
import yaml

from ctal.cli import main
from ctal.config.arguments import function_parser, known_keys, parse
from ctal.config.files import read_config
from ctal.config.renames import upgrade, upgrade_options
from ctal.data_commands.opening import call_with_data


def entry(**arguments):
    return {"class_path": "ctal.data.NYUv2", "init_args": arguments}


def test_a_deprecated_key_is_renamed_at_any_depth():
    old = {"data": {"train": entry(part=[0, 0.5]), "val": [entry(part=[0.5, 1], seed=1)]}}
    new = {"data": {"train": entry(fraction=[0, 0.5]), "val": [entry(fraction=[0.5, 1], seed=1)]}}
    assert upgrade(old) == new
    assert upgrade(new) == new
    assert old["data"]["train"]["init_args"] == {"part": [0, 0.5]}  # the original is unchanged


def test_arguments_of_other_classes_keep_their_names():
    other = {"class_path": "my_module.Scans", "init_args": {"part": 3}}
    assert upgrade({"data": {"train": other}}) == {"data": {"train": other}}
    without_class = {"init_args": {"part": [0, 1]}}  # a custom class may have this key
    assert upgrade(without_class) == without_class


def test_both_keys_together_are_passed_to_the_parser():
    both = entry(part=[0, 0.5], fraction=[0.5, 1])
    assert upgrade(both) == both


@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps])
def test_a_file_with_the_deprecated_key_opens_the_same_samples(tmp_path, write):
    for name in "abc":
        np.save(tmp_path / f"{name}_image.npy", np.zeros((2, 2, 3)))
        np.save(tmp_path / f"{name}_depth.npy", np.ones((2, 2)))
    maps = [{"task": {"class_path": "ctal.tasks.Depth"}, "files": "{name}_depth.npy"}]
    names = []
    for key in ("part", "fraction"):
        arguments = {"root": str(tmp_path), "image": "{name}_image.npy", "maps": maps}
        arguments[key] = [0, 0.7]
        train = {"class_path": "ctal.data.FolderDataset", "init_args": arguments}
        file = tmp_path / f"{key}.yaml"
        file.write_text(write({"data": {"train": train}}))
        assert "part" not in read_config(file)["data"]["train"]["init_args"]
        call_with_data(
            lambda data: names.append(data.open("train").names), ["--config", str(file)], "test"
        )
    assert names == [["a", "b"]] * 2


@pytest.mark.parametrize(
    "name",
    [
        "ctal.networks.MultiScaleCTALNet",
        "ctal.networks.multi_scale_ctal.MultiScaleCTALNet",
        "ctal.MultiScaleCTALNet",
        "MultiScaleCTALNet",
    ],
)
def test_deprecated_arguments_of_networks_are_renamed(name):
    network = {"class_path": name, "init_args": {"widths": [1, 2, 3, 4], "equal_start": True}}
    new = {"class_path": name, "init_args": {"out_channels": [1, 2, 3, 4], "uniform_init": True}}
    assert upgrade({"model": {"network": network}}) == {"model": {"network": new}}


@pytest.mark.parametrize("name", ["my_networks.MultiScaleCTALNet", "Wide", "ctalnet.Wide", None])
def test_arguments_of_other_networks_keep_their_names(name):
    network = {"class_path": name, "init_args": {"widths": [1, 2], "equal_start": True, "part": 1}}
    assert upgrade({"model": {"network": network}}) == {"model": {"network": network}}


def test_a_config_of_0_1_trains(tmp_path, monkeypatch):
    """Its keys are read by `ctal fit`, and the config of the run has the current keys."""
    monkeypatch.chdir(tmp_path)
    network = {
        "class_path": "ctal.networks.CTALNet",
        "init_args": {"encoder": "test_resnet", "channels": 8, "equal_start": True},
    }
    rooms = {"class_path": "ctal.data.Rooms", "init_args": {"split": "train"}}
    trainer = {"max_epochs": 1, "limit_train_batches": 1, "accelerator": "cpu"}
    (tmp_path / "old.yaml").write_text(
        yaml.safe_dump(
            {
                "trainer": {**trainer, "enable_progress_bar": False, "default_root_dir": "run"},
                "model": {"network": network},
                "data": {"train": rooms, "image_size": [32, 32], "batch_size": 2},
                "pictures": {"every_n_epochs": 3, "count": 1},
            }
        )
    )
    assert main(["fit", "--config", "old.yaml", "--pictures.count=2"]) == 0
    written = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    arguments = written["model"]["network"]["init_args"]
    assert arguments["uniform_init"] is True
    assert "equal_start" not in arguments
    assert written["images"] == {"every_n_epochs": 3, "count": 2, "file": False}
    assert "pictures" not in written


def test_a_deprecated_section_is_renamed_at_the_top_level_only():
    panels = {"every_n_epochs": 2, "count": 1}
    assert upgrade({"data": {}, "pictures": panels}) == {"data": {}, "images": panels}
    both = {"pictures": panels, "images": {}}
    assert upgrade(both) == both
    other = {"data": {"pictures": {"train": panels}}, "pictures": {"folder": "x"}}
    assert upgrade(other) == other
    nested = {"model": {"init_args": {"pictures": panels}}}
    assert upgrade(nested) == nested


def test_deprecated_options_of_commands():
    args = [
        "--pictures=2",
        "--pictures",
        "3",
        "pictures",
        "--pictures_of_x=1",
        "--other=--pictures",
    ]
    renamed = ["--images=2", "--images", "3", *args[3:]]
    assert upgrade_options(args, ["images", "output"]) == renamed
    dotted = ["--pictures.count=2", "--images.count=3", "--pictures_x.count=1"]
    assert upgrade_options(dotted, ["images.count"]) == ["--images.count=2", *dotted[1:]]
    assert upgrade_options(args, ["images", "pictures"]) == args
    assert upgrade_options(args, ["output"]) == args


def test_hyphens_are_accepted_in_known_options():
    known = ["allow_remote", "a-b", "trainer.max_epochs"]
    args = [
        "--allow-remote",
        "--allow-remote=x-y",
        "--trainer.max-epochs",
        "a-b",
        "--no-such",
        "--a-b",
    ]
    assert upgrade_options(args, known) == [
        *("--allow_remote", "--allow_remote=x-y", "--trainer.max_epochs"),
        *("a-b", "--no-such", "--a-b"),
    ]


def test_a_command_accepts_a_deprecated_option():
    def show(output: str, images: int = 1) -> None:
        """Show images.

        Args:
            output: a folder.
            images: a number.
        """
        given.append((output, images))

    given: list[tuple[str, int]] = []
    parser = function_parser(show, "show")
    for args in (["here", "--pictures", "4"], ["there", "--images=5"]):
        show(**parse(parser, args, known_keys(parser)).as_dict())
    assert given == [("here", 4), ("there", 5)]
