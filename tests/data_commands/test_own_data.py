"""The commands on a custom dataset."""

import signal
from pathlib import Path

import pytest
import yaml

from ctal.cli import main
from ctal.data import PreparedArrays

MODULE = """
import os
from dataclasses import dataclass

import torch
from torch.utils.data import get_worker_info
from torchvision.tv_tensors import Image

from ctal.data import DenseDataset, DepthMap
from ctal.tasks import Depth


@dataclass(frozen=True)
class Range(Depth):
    name: str = "range"


class Probe(DenseDataset):
    def __init__(self, length: int = 4, gone: str = "", number: int = 0):
        if gone == "at once":
            open("gone.h5")
        self.tasks, self.length, self.gone, self.number = [Range()], length, gone, number

    def __len__(self):
        return self.length

    def sample_name(self, index):
        return f"probe{index}"

    def __getitem__(self, index):
        if index == 2 and self.gone == "later":
            open("gone.h5")
        if index == 2 and self.number:
            try:
                os.kill(os.getpid(), self.number)
            except Exception as error:
                raise ValueError("taken for a broken file") from error
        return {"image": Image(torch.rand(3, 4, 6)), "range": DepthMap(torch.ones(1, 4, 6))}
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Create a folder with the module."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_probe.py").write_text(MODULE)


def arguments(workers=0, **given):
    chosen = [f"--data.train.{key}={value}" for key, value in given.items()]
    return ["--data.train=my_probe.Probe", *chosen, f"--workers={workers}"]


def error_line(command, capsys):
    capsys.readouterr()
    assert main(["data", *command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(("gone", "workers"), [("at once", 0), ("later", 0), ("later", 1)])
def test_a_deleted_file_is_reported(gone, workers, capsys):
    given = arguments(workers, gone=gone, length=3)
    line = error_line(["prepare", "--output=packed", *given], capsys)
    assert line.startswith("error: ")
    assert "gone.h5" in line
    assert "No such file or directory" in line
    assert not Path("packed").exists()
    assert main(["data", "check", *arguments(gone=gone)]) == 1
    assert "No such file or directory: 'gone.h5'" in capsys.readouterr().out


def test_a_dataset_without_samples_is_refused(capsys):
    for command in (["stats"], ["prepare", "--output=packed"]):
        line = error_line([*command, *arguments(length=0)], capsys)
        assert line == "error: data.train: expected a dataset with samples, got an empty Probe"
    assert main(["data", "check", *arguments(length=0)]) == 1
    assert "cannot be opened: data.train: expected a dataset with" in capsys.readouterr().out


def test_the_printed_settings_of_prepared_arrays_are_yaml_and_import_custom_tasks(capsys):
    assert main(["data", "prepare", "--output=my: packed, 2", *arguments()]) == 0
    lines = capsys.readouterr().out.partition("\n\n")[2]
    setting = yaml.safe_load(lines)["data"]["train"]
    assert setting == {
        "class_path": "ctal.data.PreparedArrays",
        "init_args": {"folder": "my: packed, 2/train", "imports": ["my_probe"]},
    }
    Path("packed.yaml").write_text(lines)
    assert main(["data", "check", "--config=packed.yaml", "--workers=0"]) == 0
    assert PreparedArrays("my: packed, 2/train").tasks[0].name == "range"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_terminated_preparation_leaves_no_files(name, capsys):
    number = getattr(signal, name)
    before = signal.signal(
        number, signal.SIG_DFL
    )  # under nohup the suite itself ignores one of them
    command = ["data", "prepare", "--output=packed", *arguments(number=int(number))]
    try:
        assert main(command) == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().err.strip() == f"stopped by {name}"
    assert not Path("packed").exists()


def test_signals_ignored_by_nohup_remain_ignored():
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    command = ["data", "prepare", "--output=packed", *arguments(number=int(signal.SIGHUP))]
    try:
        assert main(command) == 0
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_ctrl_c_ends_the_main_process_which_ends_the_others():
    """A terminal sends it to all processes, and each would print a traceback."""
    # background jobs of a shell ignore it, and Python then does not change that
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["data", "check", *arguments(workers=1, number=int(signal.SIGINT))]) == 0
        assert main(["data", "check", *arguments(workers=0, number=int(signal.SIGINT))]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
