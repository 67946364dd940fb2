"""Real configs through the command line, on generated data."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image

import ctal.io.atomic
from ctal.cli import main

CONFIGS = Path(__file__).parents[1] / "configs"
SPLITS = {"train": 6, "val": 3, "test": 2}
KEYS = [
    *("semseg/miou", "semseg/pixel_accuracy"),
    *("depth/abs_error", "depth/rel_error", "depth/rmse", "depth/log_rmse"),
    *("depth/delta_1", "depth/delta_2", "depth/delta_3"),
    *("normals/mean", "normals/median", "normals/rmse"),
    *("normals/within_11.25", "normals/within_22.5", "normals/within_30"),
]


ZOOM_TO_NOTHING = "[{class_path: ctal.data.RandomZoomCrop, init_args: {scale: [2, 1]}}]"


def config(*names: str) -> list[str]:
    return [part for name in ("folder", *names) for part in ("--config", f"{CONFIGS / name}.yaml")]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write small images with maps that can be predicted from their colors."""
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for split, count in SPLITS.items():
        for kind in ("image", "semseg", "depth", "normals"):
            (root / split / kind).mkdir(parents=True)
        for name in map(str, range(count)):
            image = generator.integers(0, 256, (32, 64, 3)).astype(np.uint8)
            normals = -(image + np.float32(1))
            normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
            Image.fromarray(image).save(root / split / "image" / f"{name}.png")
            Image.fromarray(image[..., 0] // 86).save(root / split / "semseg" / f"{name}.png")
            np.save(root / split / "depth" / f"{name}.npy", image[..., 1] / np.float32(50) + 1)
            np.save(root / split / "normals" / f"{name}.npy", normals)
    return root


@pytest.fixture(autouse=True)
def place(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a temporary folder with the data."""
    for split in SPLITS:
        (tmp_path / split).symlink_to(data / split)
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)  # the order of sums, and so the last bit, depends on it
    return tmp_path


@pytest.fixture(scope="module")
def fitted(data: Path) -> Path:
    """Return the folder of a finished run."""
    before = Path.cwd()
    os.chdir(data)
    try:
        assert main(["fit", *config("shared_encoder")]) == 0
    finally:
        os.chdir(before)
    return data / "run"


def read_scores(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.mark.parametrize(
    "network",
    [
        "single_task",
        "shared_encoder",
        "pad",
        "pap",
        "mti",
        "ctal",
        "multi_scale_ctal",
        "own_network",
    ],
)
def test_fit_writes_the_run_folder(network: str) -> None:
    assert main(["fit", *config(network), "--trainer.max_epochs=1"]) == 0
    scores = read_scores(Path("run/scores_val.json"))
    assert (scores["split"], scores["samples"]) == ("val", SPLITS["val"])
    assert list(scores["scores"]) == KEYS
    assert all(np.isfinite(list(scores["scores"].values())))
    names = {path.name for path in Path("run").rglob("*")}
    assert {"config.yaml", "best.ckpt", "last.ckpt"} <= names
    assert any(name.startswith("events.") for name in names)
    assert not any("part" in name for name in names)


def test_evaluation_repeats_scores(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = read_scores(fitted / "scores_val.json")
    saved_config = (fitted / "config.yaml").read_text()
    arguments = ["--config", str(fitted / "config.yaml")]
    for command in ("validate", "test"):
        here = ["--trainer.default_root_dir", "scored"]
        best = ["--ckpt_path", str(fitted / "checkpoints" / "best.ckpt")]
        assert main([command, *arguments, *here, *best]) == 0
    assert read_scores(Path("scored/scores_val.json")) == {
        **written,
        "checkpoint": str(fitted / "checkpoints" / "best.ckpt"),
    }
    assert read_scores(Path("scored/scores_test.json"))["samples"] == SPLITS["test"]
    table = capsys.readouterr().out
    assert f"{100 * written['scores']['semseg/miou']:.4g}" in table
    assert "normals" in table
    # a run folder means its best checkpoint, and its config is unchanged
    own = ["--trainer.default_root_dir", str(fitted)]
    assert main(["validate", *arguments, *own]) == 0
    assert read_scores(fitted / "scores_val.json")["scores"] == written["scores"]
    assert (fitted / "config.yaml").read_text() == saved_config


def test_a_checkpoint_contains_plain_values(fitted: Path) -> None:
    for name in ("best", "last"):
        path = fitted / "checkpoints" / f"{name}.ckpt"
        content = torch.load(path, map_location="cpu", weights_only=True)
        assert content["ctal"]["class"].endswith("SharedEncoderNet")
        json.dumps(content["ctal"])


def test_network_loads_from_the_folder(fitted: Path) -> None:
    from ctal.inference.loading import load

    maps = load(fitted).predict(torch.zeros(3, 40, 50))
    assert {name: array.shape for name, array in maps.items()} == {
        "semseg": (40, 50),
        "depth": (40, 50),
        "normals": (40, 50, 3),
    }


def test_predict(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["predict", "test/image/0.png", "train/image", "--checkpoint", str(fitted)]
    assert main([*command, "--output", "maps"]) == 0
    assert len(list(Path("maps").glob("*.npz"))) == 1 + SPLITS["train"]
    written = {path: path.stat().st_mtime_ns for path in Path("maps").iterdir()}
    assert main([*command, "--output", "maps"]) == 0  # complete outputs are skipped
    assert {path: path.stat().st_mtime_ns for path in Path("maps").iterdir()} == written
    assert "--overwrite" in error_line([*command, "--output", "maps", "--flip"], capsys)
    assert main([*command, "--output", "maps", "--overwrite"]) == 0
    assert "did you mean '--output'" in error_line([*command, "--outptu", "maps"], capsys)


def test_a_network_in_the_current_directory_trains_and_predicts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    Path("my_networks.py").write_text(
        "from ctal.networks import SharedEncoderNet\n\n\nclass MyNet(SharedEncoderNet):\n    pass\n"
    )
    own = "--model.network.class_path=my_networks.MyNet"
    short = ["--model.network.init_args.encoder=test_resnet", "--trainer.max_epochs=1"]
    assert main(["fit", *config("shared_encoder"), own, *short]) == 0
    script = "import sys; from ctal.cli.main import main; sys.exit(main())"
    command = ["predict", "test/image/0.png", "--checkpoint", "run", "--overwrite"]
    for imports, code in (["--imports", "my_networks"], 0), ([], 2):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *command, *imports],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    assert "import 'my_networks' before loading this file (ctal predict: --imports" in done.stderr
    assert "imports: 'none' cannot" in error_line([*command, "--imports", "none"], capsys)


def test_the_network_of_the_documentation_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    page = (Path(__file__).parents[2] / "docs" / "own_network.md").read_text()
    network, *others = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (section,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert network.count("\n") < 30  # the fewest that CTAL supports
    Path("my_networks.py").write_text(network)
    Path("own.yaml").write_text(section)
    assert main(["fit", *config(), "--config=own.yaml", "--trainer.max_epochs=1"]) == 0
    assert len(others) == 2  # only the network, and one of the package
    for code in others:
        exec(code, {})


def test_images_and_curves_are_logged() -> None:
    options = ["--images.every_n_epochs=1", "--trainer.max_epochs=1"]
    assert main(["fit", *config("own_network"), *options]) == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator("run")
    events.Reload()
    tags = events.Tags()
    assert tags["images"] == ["val/predictions"]
    wanted = {"train/loss", "train/depth", "val/loss", "val/score", *(f"val/{k}" for k in KEYS)}
    assert wanted <= set(tags["scalars"])


def assert_same_run(one: Path, other: Path) -> None:
    """Assert bit-identical weights, optimizer state and progress."""
    a, b = (torch.load(path, map_location="cpu", weights_only=True) for path in (one, other))
    assert a["global_step"] == b["global_step"]
    assert a["state_dict"].keys() == b["state_dict"].keys()
    for name, weights in a["state_dict"].items():
        torch.testing.assert_close(weights, b["state_dict"][name], rtol=0, atol=0, msg=name)
    states = [content["optimizer_states"][0]["state"] for content in (a, b)]
    for index, moments in states[0].items():
        assert all(torch.equal(value, states[1][index][key]) for key, value in moments.items())
    assert a["lr_schedulers"] == b["lr_schedulers"]
    states = [dict(checkpoint["callbacks"]) for checkpoint in (a, b)]
    for state in states:
        assert state.pop("TrainingCost")["seconds"] > 0  # the clock differs
    assert states[0] == states[1]


def interrupting(number: int, step: int) -> list[str]:
    callback = "--trainer.callbacks=tests.send_signal.SendSignal"
    return [
        callback,
        f"--trainer.callbacks.number={int(number)}",
        f"--trainer.callbacks.step={step}",
    ]


def test_killed_run_resumes_bit_equal() -> None:
    command = ["fit", *config("ctal"), "--trainer.max_epochs=3"]
    killed = [*command, *interrupting(signal.SIGKILL, step=4)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "ctal", *killed],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([f"{root}/src", root])},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not Path("run/scores_val.json").exists()
    assert main([*command, "--ckpt_path=last"]) == 0
    assert main([*command, "--trainer.default_root_dir=whole"]) == 0
    for name in ("last", "best"):
        assert_same_run(
            Path(f"run/checkpoints/{name}.ckpt"), Path(f"whole/checkpoints/{name}.ckpt")
        )
    scores = [read_scores(Path(run) / "scores_val.json")["scores"] for run in ("run", "whole")]
    assert scores[0] == scores[1]


# within an epoch of 3 steps, and in its last step, which is followed by validation
@pytest.mark.parametrize(("step", "saved"), [(4, 5), (5, 6)])
def test_ctrl_c_leaves_a_checkpoint_that_resumes(
    step: int, saved: int, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    command = ["fit", *config("own_network"), "--trainer.max_epochs=3"]
    assert main([*command, *interrupting(signal.SIGINT, step)]) == 130
    assert signal.getsignal(signal.SIGINT) is handler
    assert "ctal fit --config run/config.yaml --ckpt_path last" in capsys.readouterr().err
    last = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == saved
    resume = ["--ckpt_path=last", "--trainer.callbacks=null"]
    assert main(["fit", "--config=run/config.yaml", *resume]) == 0
    assert main([*command, "--trainer.default_root_dir=whole"]) == 0
    for name in ("last", "best"):
        assert_same_run(
            Path(f"run/checkpoints/{name}.ckpt"), Path(f"whole/checkpoints/{name}.ckpt")
        )


def error_line(args: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the single line on stderr of a failing command.

    Besides the note about configurations outside of the current directory, which those of the
    tests are.
    """
    capsys.readouterr()
    assert main(args) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    lines = [line for line in lines if "outside of the current directory" not in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def test_settings_of_fit_are_overrides_of_compare(capsys):
    line = error_line(["compare", "a.yaml", "--trainer.max_epochs", "1"], capsys)
    assert "passed as --overrides trainer.max_epochs=VALUE" in line


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--data.tasks=[semseg, dept]"], "got semseg, dept"),
        (["--model.network.init_args.encoder=test_resnett"], "'test_resnett'; did you mean"),
        (
            ["--model.network.init_args.encodr=test_resnet"],
            r"model.network: .*SharedEncoderNet has no argument 'encodr'; did you mean 'encoder'",
        ),
        (
            # one of the **options, which the signature does not have
            ["--model.network=ctal.networks.CTALNet", "--model.network.init_args.gama=1"],
            r"model.network: .*CTALNet has no argument 'gama'; did you mean 'gamma'",
        ),
        (["--trainer.max_epoch=3"], "--trainer.max_epoch.*did you mean '--trainer.max_epochs'"),
        (["--scoring.resolution=images"], "resolution: expected one of .*'image', got images$"),
        (["--model.network.class_path=ctal.networks.CTALNett"], "model.network: .*'CTALNett'"),
        (["--model.network=NoSuchNet"], "model.network: .*NoSuchNet"),
        (["--model.task_weights={dept: 2}"], "model.task_weights: .*'dept'.*depth"),
        (["--model.optimizer=Adaam"], "model.optimizer: .*Adaam"),
        (["--data.batch_size=many"], "data.batch_size: .*int.*many"),
        (["--data.btach_size=2"], "--data.btach_size.*did you mean '--data.batch_size'"),
        (["--trainer.max_epochs=x"], "trainer.max_epochs: .*x"),
        (["--trainer.max_epochs=-3"], "trainer: .*max_epochs.*-3"),
        (["--trainer.devices=0"], "trainer: .*devices"),
        (["--trainer.accumulate_grad_batches=0"], "trainer.accumulate_grad_batches: .* got 0"),
        (["--trainer.check_val_every_n_epoch=0"], "trainer.check_val_every_n_epoch: .* got 0"),
        (["--trainer.val_check_interval=50"], "trainer: `val_check_interval` .50."),
        (
            ["--model.optimizer.lr=fast"],
            "model.optimizer.lr: expected float or torch.Tensor, got fast$",
        ),
        (["--trainer.accelerator=abacus"], "trainer: .*abacus"),
        (["--seed_everything=-1"], "seed_everything: .*-1"),
        (["--images.every_n_epochs=0"], "images.every_n_epochs: .*0"),
        (["--data.augmentation", ZOOM_TO_NOTHING], "scale: .*0 < low"),
        (["--config=no.yaml"], "config: .*no.yaml"),
        (["--config=typo.yaml"], "'data.trian.*did you mean 'data.train"),
        (["--config=broken.yaml"], "broken.yaml: not a configuration"),
        (["--config=binary.yaml"], "binary.yaml: not a configuration"),
        (["--config=empty.yaml"], "empty.yaml: expected a mapping"),
        (["--ckpt_path=no.ckpt"], "ckpt_path: .*no.ckpt"),
        (["--ckpt_path=last"], "ckpt_path: .*run/checkpoints/last.ckpt"),
        (["--ckpt_path=broken.yaml"], "broken.yaml: not a checkpoint"),
        (["--trainer.default_root_dir=broken.yaml/run"], "broken.yaml"),
        (["--data.train.init_args.root=nowhere"], "root: .*nowhere"),
    ],
)
def test_invalid_arguments(
    wrong: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    Path("broken.yaml").write_text("data: {batch_size: 2\n  a: [")
    Path("binary.yaml").write_bytes(bytes(range(256)))
    Path("empty.yaml").touch()
    Path("typo.yaml").write_text("data: {trian: 2}")
    line = error_line(["fit", *config("shared_encoder"), *wrong], capsys)
    assert re.search(named, line), line
    assert not Path("run/checkpoints").exists()


def test_an_invalid_setting_leaves_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "--model.network.init_args.encoder=test_resnett"
    error_line(["fit", *config("shared_encoder"), wrong], capsys)
    assert not Path("run").exists()


def test_checkpoint_of_another_network(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = ["--ckpt_path", str(fitted / "checkpoints" / "best.ckpt")]
    for command in ("fit", "test"):
        line = error_line([command, *config("ctal"), *checkpoint], capsys)
        assert "SharedEncoderNet" in line
        assert "CTALNet" in line


def test_optimizer_of_another_run(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resume = ["--ckpt_path", str(fitted / "checkpoints" / "last.ckpt"), "--trainer.max_epochs=3"]
    other = ["--model.optimizer=torch.optim.SGD", "--model.optimizer.lr=0.1"]
    line = error_line(["fit", *config("shared_encoder"), *resume, *other], capsys)
    expected = "expected torch.optim.Adam, as in the run to resume, got torch.optim.SGD"
    assert f"model.optimizer.class_path: {expected}" in line
    line = error_line(["fit", *config("shared_encoder"), "--model.optimizer.lr=-1"], capsys)
    assert "model.optimizer: Invalid learning rate" in line


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (["--config", f"{CONFIGS / 'ctal'}.yaml"], "SharedEncoderNet"),
        (["--trainer.max_epochs=1"], "trainer.max_epochs: expected 2 or more"),
        (["--data.batch_size=0"], "batch_size"),
    ],
)
def test_a_rejected_resume_does_not_change_the_run(
    fitted: Path, other: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(fitted, "run")
    before = Path("run/config.yaml").read_bytes()
    line = error_line(["fit", *config("shared_encoder"), *other, "--ckpt_path=last"], capsys)
    assert re.search(named, line), line
    assert Path("run/config.yaml").read_bytes() == before


def test_diverged_training_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    rate = "--model.optimizer.lr=1e30"
    line = error_line(["fit", *config("shared_encoder"), rate, "--trainer.max_epochs=2"], capsys)
    assert "run: val/score was never finite" in line
    assert not Path("run/checkpoints/best.ckpt").exists()


def test_checkpoints_without_a_position_in_the_epoch(fitted: Path) -> None:
    """Checkpoints of earlier versions can be evaluated, and resumed after an epoch."""
    shutil.copytree(fitted, "run")
    for name in ("best", "last"):
        file = f"run/checkpoints/{name}.ckpt"
        content = torch.load(file, weights_only=True)
        state = content["DenseDataModule"]
        del state["total"], state["batches"]
        torch.save(content, file)
    assert main(["test", "--config", "run/config.yaml"]) == 0
    resume = ["--ckpt_path=last", "--trainer.max_epochs=3"]
    assert main(["fit", "--config", "run/config.yaml", *resume]) == 0
    state = torch.load("run/checkpoints/last.ckpt", weights_only=True)["DenseDataModule"]
    assert (state["epoch"], state["batch"]) == (3, 0)


def test_help_lists_the_available_checkpoints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--help_all"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "to score, 'best' by default" in told
    assert "Lightning Model Registry" not in told


def test_no_data_to_evaluate_on(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = ["--ckpt_path", str(fitted / "checkpoints" / "best.ckpt")]
    line = error_line(["test", *config("shared_encoder"), *checkpoint, "--data.test=null"], capsys)
    assert "data.test: expected a dataset" in line


def test_checkpoint_with_code_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {}, "loops": Path("x")}, "code.ckpt")
    line = error_line(["test", *config("ctal"), "--ckpt_path=code.ckpt"], capsys)
    assert "code.ckpt: refused, since it contains pickled code" in line


def test_folder_of_another_run_is_not_overwritten(
    fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = ["--trainer.default_root_dir", str(fitted)]
    line = error_line(["fit", *config("ctal"), *elsewhere], capsys)
    assert "--ckpt_path last" in line
    assert str(fitted) in line


def test_no_checkpoint_to_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    assert "run/checkpoints/best.ckpt" in error_line(["test", *config("ctal")], capsys)


def test_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    whole = ctal.io.atomic.write_whole

    def onto_full_disk(path: Path, write: Callable[[BinaryIO], object]) -> None:
        def fail(file: BinaryIO) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        whole(path, fail)

    monkeypatch.setattr("ctal.training.checkpointing.write_whole", onto_full_disk)
    line = error_line(["fit", *config("own_network")], capsys)
    assert "checkpoints/best.ckpt: cannot be written (No space left on device)" in line
    assert not list(Path("run/checkpoints").iterdir())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_reported(
    workers: int, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Path("broken/image")
    broken.mkdir(parents=True)
    for name in ("semseg", "depth", "normals"):
        (broken.parent / name).symlink_to(data / "train" / name)
    for path in (data / "train" / "image").iterdir():
        # the first one is read before training, to check its labels; the others by the workers
        whole = path.read_bytes()
        (broken / path.name).write_bytes(whole if path.stem == "0" else whole[:-99])
    options = ["--data.train.init_args.root=broken", "--data.image_size=[32,64]"]
    options += [f"--data.num_workers={workers}"]
    line = error_line(["fit", *config("own_network"), *options], capsys)
    assert line.startswith("error: broken/image/")


def test_a_task_without_labels_is_reported(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("image", "semseg", "normals"):
        Path("blank", name).parent.mkdir(exist_ok=True)
        Path("blank", name).symlink_to(data / "train" / name)
    Path("blank/depth").mkdir()
    for path in (data / "train" / "depth").iterdir():
        np.save(Path("blank/depth") / path.name, np.zeros((32, 64), np.float32))  # 0: not known
    options = ["--data.train.init_args.root=blank", "--data.image_size=[32,64]"]
    line = error_line(["fit", *config("own_network"), *options], capsys)
    assert line == (
        "error: data.train: expected labels of every task, got none of depth; remove it "
        "from data.tasks"
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_deleted_during_training_is_reported(
    workers: int, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def vanish(self: object, index: int) -> None:
        Path("gone.h5").read_bytes()

    monkeypatch.setattr("ctal.data.FolderDataset.__getitem__", vanish)
    options = ["--data.image_size=[32,64]", f"--data.num_workers={workers}"]
    line = error_line(["fit", *config("own_network"), *options], capsys)
    assert "gone.h5" in line
    assert "No such file or directory" in line


def test_without_validation_the_last_checkpoint_is_the_best(
    recwarn: pytest.WarningsRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--trainer.max_epochs=2", "--data.val=null"]
    stopped = interrupting(signal.SIGTERM, step=4)
    assert main(["fit", *config("own_network"), *options, *stopped]) == 128 + signal.SIGTERM
    best = Path("run/checkpoints/best.ckpt")
    assert not best.exists()
    assert main(["fit", *config("own_network"), *options, "--ckpt_path=last"]) == 0
    assert best.read_bytes() == Path("run/checkpoints/last.ckpt").read_bytes()
    shown = capsys.readouterr()
    line = f"{best}: the last epoch, not scored, since data.val is missing"
    assert shown.out.splitlines()[-1] == line
    assert "OwnNet does not derive from ctal.networks.Network: the run can be" in shown.out
    assert not Path("run/scores_val.json").exists()
    assert not [entry for entry in recwarn if "is zero" in str(entry.message)]


def test_duration_and_memory_are_written_and_accumulate_on_resuming() -> None:
    command = ["fit", *config("own_network"), "--trainer.max_epochs=2"]
    assert main([*command, *interrupting(signal.SIGTERM, step=4)]) == 128 + signal.SIGTERM
    assert not Path("run/training.json").exists()
    saved = torch.load("run/checkpoints/last.ckpt", weights_only=True)["callbacks"]["TrainingCost"]
    content = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    content["callbacks"]["TrainingCost"]["seconds"] += 1000
    torch.save(content, "run/checkpoints/last.ckpt")
    assert main([*command, "--ckpt_path=last"]) == 0
    taken = json.loads(Path("run/training.json").read_text())
    assert taken["seconds"] > 1000 + saved["seconds"]
    assert taken["steps"] == 6
    assert taken["validated"] is True
    assert taken["peak_memory_mib"] is None  # not measured on a CPU
    assert "CPU cores" in taken["device"]


def test_a_compiled_network_trains_to_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--trainer.max_epochs=1", "--data.on_device=true", "--data.cache=true"]
    asked = []
    compiled = torch.nn.Module.compile

    def traced(self: torch.nn.Module, mode: str) -> None:
        asked.append(mode)
        compiled(self, backend="aot_eager")  # which needs no C++ compiler

    monkeypatch.setattr(torch.nn.Module, "compile", traced)
    assert main(["fit", *config("own_network"), *options, "--model.compiled=default"]) == 0
    assert main(["test", "--config", "run/config.yaml"]) == 0
    assert asked == ["default"]  # not for the evaluation
    assert main(["fit", *config("own_network"), *options, "--trainer.default_root_dir=eager"]) == 0
    compiled_state, eager_state = (
        torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for run in ("run", "eager")
    )
    assert compiled_state.keys() == eager_state.keys()
    for name, value in eager_state.items():
        torch.testing.assert_close(compiled_state[name], value, rtol=1e-3, atol=1e-4)


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tests.own_network.OwnNet.forward", bug)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["fit", *config("own_network")])


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == main(["--version"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in ("quickstart", "fit", "predict", "compare"))
    assert "ctal 0." in out
    assert main(["fit", "--help"]) == 0
    assert "--data.batch_size" in capsys.readouterr().out
    assert "did you mean 'validate'" in error_line(["valdate"], capsys)


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from ctal.cli.main import main; main([]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
