"""Short help of `ctal fit`, compared with the arguments of the real parser."""

import inspect
import sys

import pytest
from lightning.pytorch import Trainer

from ctal.cli import main
from ctal.cli.fit_help import TRAINER, short_help
from ctal.cli.source_help import arguments_of
from ctal.data import DenseDataModule, NYUv2
from ctal.networks import MultiScaleCTALNet
from ctal.tasks import Depth, SemanticSegmentation
from ctal.training import MultiTaskModule

CLASSES = {
    "ctal.training.module.MultiTaskModule": MultiTaskModule,
    "ctal.data.module.DenseDataModule": DenseDataModule,
    "ctal.data.NYUv2": NYUv2,
    "ctal.networks.MultiScaleCTALNet": MultiScaleCTALNet,
    "ctal.tasks.Depth": Depth,
    "ctal.tasks.SemanticSegmentation": SemanticSegmentation,
}


@pytest.mark.parametrize("class_path", CLASSES)
def test_arguments_read_from_the_source_equal_those_of_the_class(class_path):
    parameters = inspect.signature(CLASSES[class_path]).parameters.values()
    expected = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    found = arguments_of(class_path)
    assert [argument.name for argument in found] == expected
    required = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    assert {argument.name for argument in found if argument.default is None} == required


def test_argument_help_comes_from_args_and_not_from_attributes():
    found = {argument.name: argument for argument in arguments_of("ctal.data.DenseDataModule")}
    assert found["tasks"].meaning.startswith("Names of the tasks to use")
    assert found["batch_size"].default == "8"


@pytest.mark.parametrize(
    "name", ["ctal.networks.NoSuchNet", "torch.nn.Conv2d", "ctal.../os.X", "MTINet", "ctal.no.No"]
)
def test_names_outside_the_package_are_not_resolved(name):
    assert arguments_of(name) is None


def test_trainer_arguments_exist():
    assert set(TRAINER) <= set(inspect.signature(Trainer).parameters)


def test_short_and_full_help(capsys):
    assert main(["fit", "--help"]) == 0
    short = capsys.readouterr().out
    assert len(short.splitlines()) < 150
    for key in ("--model.optimizer", "--data.batch_size", "--trainer.max_epochs", "--help_all"):
        assert key in short
    assert main(["fit", "--help_all"]) == 0
    whole = capsys.readouterr().out
    assert "--trainer.sync_batchnorm" in whole
    assert "--trainer.sync_batchnorm" not in short


def test_help_with_a_config_lists_its_classes(tmp_path, capsys):
    file = tmp_path / "own.yaml"
    file.write_text(
        "model: {network: {class_path: ctal.networks.MTINet}}\n"
        "data: {train: {class_path: ctal.data.Rooms}, augmentation: [{class_path: torch.X}]}\n"
    )
    text = short_help(["fit", "--config", str(file), "--help"])
    assert "model.network: ctal.networks.MTINet" in text
    assert "--model.network.init_args.encoder" in text
    assert "--data.train.init_args.split" in text
    assert "torch.X" not in text
    assert main(["fit", "--config", str(tmp_path / "missing.yaml"), "--help"]) == 2
    assert "missing.yaml" in capsys.readouterr().err


def test_help_imports_no_heavy_package(monkeypatch):
    for name in ("torch", "lightning", "timm"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises ImportError
    assert "usage: ctal test" in short_help(["test", "--help"])
