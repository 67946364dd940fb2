"""Mistakes in settings are reported by the key and the innermost cause."""

import pytest
from tests.small_classes import write_training

from ctal.cli import main
from ctal.config.suggestions import similar_name

FOLDER = (
    "{class_path: ctal.data.FolderDataset, init_args: {root: ., image: '{name}.png', maps: [{task: "
    "{class_path: ctal.tasks.Depth}, files: 'd/{name}.png', lables: {10: 0}}]}}"
)
BAD_LOSS = {"class_path": "ctal.losses.CrossEntropy", "init_args": {"label_smoothing": "lots"}}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    write_training(tmp_path, "c.yaml", (32, 64), max_epochs=1, logger=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--trainer.max_epochs=lots"], "trainer.max_epochs: expected int or null, got lots"),
        (["own.yaml"], "unrecognized arguments: own.yaml; did you mean '--config own.yaml'?"),
        (
            ["--model.network=NeverImported"],
            "model.network: expected a class as module.Class, got NeverImported",
        ),
        (
            ["--model.lr_scheduler=cosine"],
            "model.lr_scheduler: expected the name of a class, got cosine; did you mean 'Cosine'?",
        ),
        (
            ["--model.weighting=uncertainty"],
            "model.weighting: expected the name of a class, got uncertainty; did you mean "
            "'UncertaintyWeighting'?",
        ),
        (
            ["--data.image_size=64,96"],
            "data.image_size: expected [int, int] (in brackets, without spaces) or null, got 64,96",
        ),
        (
            ["--model.network=nothing.MyNet"],
            "model.network: No module named 'nothing'; modules are imported from installed "
            "packages and the current directory",
        ),
        (["--data.batch_size=1.5"], "data.batch_size: expected int, got 1.5"),
        (
            ["--model.task_weights={depth: lots}"],
            "model.task_weights: expected dict[str, float] or null, got {'depth': 'lots'}",
        ),
        (
            [
                "--trainer.callbacks+=ctal.training.FreezeEncoder",
                "--trainer.callbacks.epoch=1",
            ],
            "trainer.callbacks: ctal.training.FreezeEncoder has no argument 'epoch'; did you mean "
            "'epochs'?",
        ),
        (
            ["--trainer.callbacks+=ctal.training.FreezeEncode"],
            "trainer.callbacks: module 'ctal.training' has no attribute 'FreezeEncode'; did you "
            "mean 'FreezeEncoder'?",
        ),
        (
            [
                "--trainer.callbacks=[{class_path: ctal.training.FreezeEncoder, init_args: "
                "{epochs: many}}]"
            ],
            "trainer.callbacks.epochs: expected int or null, got many",
        ),
        (
            ["--model.criteria.semseg=ctal.losses.CrossEntrop"],
            "model.criteria.semseg: module 'ctal.losses' has no attribute 'CrossEntrop'; did you "
            "mean 'CrossEntropy'?",
        ),
        (
            [f"--model.criteria={{semseg: {BAD_LOSS}}}"],
            "model.criteria.semseg.label_smoothing: expected float, got lots",
        ),
        (
            [f"--model.criteria={{semseg: {BAD_LOSS}, depth: {BAD_LOSS}}}"],  # either of them
            "model.criteria.label_smoothing: expected float, got lots",
        ),
        (
            ["--model.lr_scheduler=ctal.training.Cosine", "--model.lr_scheduler.warm_up=5"],
            "model.lr_scheduler: ctal.training.Cosine has no argument 'warm_up'; did you mean "
            "'warmup'?",
        ),
        (
            ["--model.lr_scheduler=ctal.training.Cosin"],
            "model.lr_scheduler: module 'ctal.training' has no attribute 'Cosin'; did you mean "
            "'Cosine'?",
        ),
        (
            ["--model.criteria={1: {class_path: ctal.losses.CrossEntrop}}"],
            "model.criteria.1: module 'ctal.losses' has no attribute 'CrossEntrop'; did you mean "
            "'CrossEntropy'?",
        ),
        (
            ["--data.train.init_args.maps.0.optional=true"],
            "data.train.maps: unrecognized arguments: --0.optional=true; set the items of a list "
            "in a file",
        ),
        (
            [f"--data.val={FOLDER}"],
            "data.val.maps: got a mapping with the key 10 for an unknown argument of "
            "ctal.data.MapFiles; it has task, files, scale, offset, invert, labels, ignore, "
            "optional, bits, others, key, decode, along_ray, normalize, mask, mask_key, resize",
        ),
        (["--model.task_weights.depth=x"], "model.task_weights.depth: expected float, got x"),
        (
            ["--trainer.logger.save_dir=x"],
            "trainer.logger: expected a class before its argument 'save_dir'",
        ),
        (
            ["--data.val=ctal.data.DenseDataset"],
            "data.val: Expected an instantiatable class, but ctal.data.DenseDataset is abstract",
        ),
        (
            ["--trainer.callbacks=[lightning.pytorch.callbacks.EarlyStopping]"],
            "trainer.callbacks: lightning.pytorch.callbacks.EarlyStopping requires monitor",
        ),
        (
            [
                "--model.lr_scheduler=torch.optim.lr_scheduler.StepLR",
                "--model.lr_scheduler.optimiser=5",
            ],
            "model.lr_scheduler: torch.optim.lr_scheduler.StepLR has no argument 'optimiser'; it "
            "has step_size, gamma, last_epoch",
        ),
        (
            [
                "--model.lr_scheduler=lightning.pytorch.cli.ReduceLROnPlateau",
                "--model.lr_scheduler.patienc=5",
            ],
            "model.lr_scheduler: lightning.pytorch.cli.ReduceLROnPlateau has no argument "
            "'patienc'; did you mean 'patience'?",
        ),
        (
            [
                "--trainer.callbacks=lightning.pytorch.callbacks.EarlyStopping",
                "--trainer.callbacks.monitor=val/score",
                "--trainer.callbacks.mode=up",
            ],
            "lightning.pytorch.callbacks.EarlyStopping: `mode` can be min, max, got up",
        ),
        (
            [
                "--trainer.callbacks=lightning.pytorch.callbacks.DeviceStatsMonitor",
                "--trainer.callbacks+=lightning.pytorch.callbacks.Timer",
                "--trainer.callbacks+=lightning.pytorch.callbacks.ModelSummary",
                "--print_config",
            ],
            "lightning.pytorch.callbacks.Timer: the default of 'interval', Interval.step, cannot "
            "be written to a file; set it",
        ),
        (
            ["--trainer.callbacks=lightning.pytorch.callbacks.Timer"],
            "lightning.pytorch.callbacks.Timer: the default of 'interval', Interval.step, cannot "
            "be written to a file; set it",
        ),
        (
            [
                "--data.augmentation=[{class_path: torchvision.transforms.v2.RandomHorizontalFlip, "
                "init_args: {p: 3}}]"
            ],
            "torchvision.transforms.v2.RandomHorizontalFlip: `p` should be a floating point value "
            "in the interval [0.0, 1.0].",
        ),
        (
            ["--model.optimizer=torch.optim.AdamX"],
            "model.optimizer: module 'torch.optim' has no attribute 'AdamX'; did you mean 'Adam'?",
        ),
    ],
)
def test_the_key_and_the_innermost_cause(args, line, capsys):
    assert main(["fit", "--config", "c.yaml", *args]) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def test_all_of_a_few_classes_are_named():
    assert similar_name("L2", ["BerHu", "Focal"]) == "; known ones are BerHu, Focal"
    assert similar_name("L2", [f"Loss{index}" for index in range(21)]) == ""
