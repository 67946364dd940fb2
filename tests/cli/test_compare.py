import json
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import ctal
from ctal import cli
from ctal.cli.compare import compare
from ctal.comparison.settings import import_classes
from ctal.errors import InputError

SHORT = ["trainer.max_epochs=1"]


def test_end_to_end_and_rerun(configs, in_process, scores_of, tmp_path, capsys):
    compare(configs, [0, 1], "out", "single", SHORT)
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    single, shared, trivial = content["rows"]
    assert [row["name"] for row in content["rows"]] == ["single", "shared", "trivial"]
    assert shared["network"] == "SharedEncoderNet"

    runs = {name: [scores_of(name, k)[0] for k in (0, 1)] for name in ("single", "shared")}
    mean = {
        name: {key: (one[key] + two[key]) / 2 for key in one} for name, (one, two) in runs.items()
    }
    for row in (single, shared):
        assert row["mean"] == pytest.approx(mean[row["name"]])
        for key, value in row["spread"].items():
            assert value == pytest.approx(statistics.stdev(r[key] for r in runs[row["name"]]))
    assert runs["single"][0] != runs["single"][1]
    gain = mean["shared"]["semseg/miou"] / mean["single"]["semseg/miou"] - 1
    saved = 1 - mean["shared"]["depth/abs_error"] / mean["single"]["depth/abs_error"]
    assert shared["delta_m"] == pytest.approx(100 * (gain + saved) / 2)
    assert trivial["mean"]["depth/abs_error"] < 1

    network = ctal.load(tmp_path / "out" / "shared" / "seed0").network
    assert shared["parameters"] == sum(p.numel() for p in network.parameters())
    settings = yaml.safe_load((tmp_path / "out" / "shared" / "seed1" / "config.yaml").read_text())
    assert settings["seed_everything"] == 1
    assert settings["trainer"]["max_epochs"] == 1
    markdown = (tmp_path / "out" / "comparison.md").read_text()
    shown = capsys.readouterr()
    assert shown.out.endswith(markdown)
    assert shown.err.endswith("out: wrote comparison.md, comparison.json, figure.png, pareto.png\n")
    assert all(
        Path("out", name).is_file() for name in shown.err.split("wrote ")[1].strip().split(", ")
    )
    assert "FolderDataset, images of 32x32: train 4, val 2, test 3" in markdown
    assert Image.open(tmp_path / "out" / "figure.png").size[0] > 5 * 256
    assert Image.open(tmp_path / "out" / "pareto.png").size == (1800, 650)
    assert [row["seeds"] for row in content["rows"]] == [[0, 1], [0, 1], []]
    assert shared["over_reference"]["mean"] == pytest.approx(shared["delta_m"])
    assert "semseg 2, depth 7" in markdown
    places = [markdown.index(text) for text in ("## depth", "## Definitions", "differences: of Δm")]
    assert places == sorted(places)  # long texts are below the numbers

    # again: nothing is trained or evaluated again, and the numbers are unchanged
    written = {name: scores_of(name, 1)[1] for name in runs}
    weights = (tmp_path / "out" / "single" / "seed0" / "checkpoints" / "best.ckpt").stat()
    compare(configs, [0, 1], "out", "single", SHORT)
    assert {name: scores_of(name, 1)[1] for name in runs} == written
    again = (tmp_path / "out" / "single" / "seed0" / "checkpoints" / "best.ckpt").stat()
    assert again.st_mtime_ns == weights.st_mtime_ns
    repeated = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["mean"] for row in repeated["rows"]] == [row["mean"] for row in content["rows"]]

    with pytest.raises(InputError, match=r"seed0: contains a run of single\.yaml with other"):
        compare(configs, [0], "out", "single", ["trainer.max_epochs=2"])


def test_without_val_the_last_epoch_is_scored(configs, in_process, scores_of, tmp_path):
    overrides = [*SHORT, "data.val=null"]
    compare(configs, [0], "out", "single", overrides)
    scores = scores_of("single", 0)
    markdown = (tmp_path / "out" / "comparison.md").read_text()
    assert "each run once, with the checkpoint of the last epoch" in markdown
    assert "minutes of training" in markdown
    # all are finished, also with other machine settings
    compare(configs, [0], "out", "single", overrides, machine=["data.cache=true"])
    assert len(in_process) == 4
    (tmp_path / "out" / "single" / "seed0" / "scores_test.json").unlink()
    compare(configs, [0], "out", "single", overrides, machine=["data.cache=true"])
    assert "--data.cache=true" in in_process[-1]
    assert scores_of("single", 0)[0] == scores[0]
    with pytest.raises(InputError, match=r"data\.val is missing; add it, or .* --split test"):
        compare(configs, [0], "other", "single", overrides, split="val")


def test_classes_of_a_finished_run_are_imported(monkeypatch, tmp_path):
    (tmp_path / "my_task.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    import_classes({"data": {"maps": [{"task": {"class_path": "my_task.Task"}, "scale": 1}]}})
    assert "my_task" in sys.modules


def test_a_folder_with_a_run_of_another_command_is_rejected(configs):
    foreign = Path("out/single/seed0/checkpoints/last.ckpt")
    foreign.parent.mkdir(parents=True)
    foreign.write_text("")
    with pytest.raises(InputError, match="seed0: contains a run that `ctal compare` did not start"):
        compare(["single.yaml"], output="out")


def test_settings_may_change_after_a_failed_start(configs, in_process):
    picture = Path("train/image/3.png")  # the label of a later sample
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-60])
    with pytest.raises(SystemExit):
        compare(["single.yaml"], output="out", overrides=["trainer.max_epochs=7"])
    request = Path("out/single/seed0/request.json")
    assert "max_epochs=7" in request.read_text()
    picture.write_bytes(whole)
    compare(["single.yaml"], output="out", overrides=SHORT)
    assert "max_epochs=1" in request.read_text()


def rewritten(source, target, change):
    """Return a copy of a config with a changed setting."""
    content = yaml.safe_load(Path(source).read_text())
    change(content)
    Path(target).write_text(yaml.safe_dump(content))
    return target


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("encoder", "test_resnett", "late.yaml: .*'test_resnett'; did you mean"),
        ("encodr", "test_resnet", "late.yaml: model.network: .*'encodr'"),
    ],
)
def test_errors_in_any_config_are_reported_before_training(
    key, value, message, configs, in_process, capsys
):
    def change(content):
        content["model"]["network"]["init_args"][key] = value

    late = rewritten("shared.yaml", "late.yaml", change)
    with pytest.raises(InputError, match=message) as caught:
        compare([*configs, late], output="out")
    assert "\n" not in str(caught.value)
    assert in_process == []
    assert not Path("out").exists()
    assert cli.main(["compare", *configs, "--overrides", "trainer.max_epochz=1"]) == 2
    assert "shared.yaml: unrecognized arguments: --trainer.max_epochz" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_a_plain_module_is_refused_before_training(configs, in_process):
    def change(content):
        content["model"]["network"] = {
            "class_path": "tests.own_network.OwnNet",
            "init_args": {"channels": 2},
        }

    plain = rewritten("single.yaml", "plain.yaml", change)
    message = r"plain\.yaml: model\.network: expected a class that derives from .*, got tests\.own_"
    with pytest.raises(InputError, match=message):
        compare([*configs, plain], output="out")
    assert in_process == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"images": 0}, "images: expected an integer >= 1, got 0"),
        ({"parallel": 0}, "parallel: expected an integer >= 1, got 0"),
        ({"device": "abacus"}, r"device: 'abacus' cannot be used \(expected one such as cpu, cuda"),
    ],
)
def test_invalid_arguments(argument, message, configs):
    with pytest.raises(InputError, match=message):
        compare(["single.yaml"], **argument)


def test_existing_runs_are_compared_without_training(configs, in_process, scores_of, tmp_path):
    for seed in ("0", "1"):
        folder = f"mine/shared_of_mine/{seed}"
        arguments = ["--seed_everything", seed, "--trainer.default_root_dir", folder]
        assert (
            cli.main(["fit", "--config", "shared.yaml", *arguments, "--trainer.max_epochs=1"]) == 0
        )
    trained = {path: path.stat().st_mtime_ns for path in Path("mine").rglob("*.ckpt")}
    result = compare(
        ["single.yaml", "mine/shared_of_mine", "mine/shared_of_mine/1"],
        [1, 2], "out", overrides=SHORT,
    )  # fmt: skip
    single, group, one, _ = result.rows
    assert [row.name for row in result.networks()] == ["single", "shared_of_mine", "1"]
    assert [list(row.seeds) for row in (single, group, one)] == [[1, 2], [0, 1], [1]]
    assert group.runs[1] == one.runs[0]
    assert "single 1, 2; shared_of_mine 0, 1; 1 1" in result.protocol["seeds"]
    assert trained == {path: path.stat().st_mtime_ns for path in Path("mine").rglob("*.ckpt")}
    commands = [command[0] for command in in_process]
    assert commands == ["fit", "test", "fit", "test", "test", "test"]

    # evaluated again only if the scores of another checkpoint are present
    del in_process[:]
    scores = Path("mine/shared_of_mine/0/scores_test.json")
    last = ["--ckpt_path", "mine/shared_of_mine/0/checkpoints/last.ckpt"]
    assert cli.main(["test", "--config", "mine/shared_of_mine/0/config.yaml", *last]) == 0
    assert json.loads(scores.read_text())["checkpoint"].endswith("last.ckpt")
    compare(["mine/shared_of_mine"], output="out")
    assert [command[0] for command in in_process] == ["test"]
    assert json.loads(scores.read_text())["checkpoint"].endswith("best.ckpt")


def without_labels(split):
    for file in Path(split, "depth").iterdir():
        np.save(file, np.zeros((32, 32), np.float32))


def test_a_task_without_labels_in_the_evaluated_split(configs, in_process, capsys):
    without_labels("test")
    result = compare(["single.yaml"], [0, 1], "out", overrides=SHORT)
    sentence = "no sample of test has a label of depth: it has no scores, and Δm is not computed"
    assert result.protocol["warning"].startswith(sentence)
    assert f"warning: {sentence}" in capsys.readouterr().err
    assert f"- warning: {sentence}" in Path("out/comparison.md").read_text()
    assert result.json()["rows"][0]["delta_m"] is None
    assert not Path("out/pareto.png").exists()


def test_a_task_without_labels_in_train(configs, in_process):
    without_labels("train")
    with pytest.raises(InputError, match=r"data\.train: .* got none of depth"):
        compare(["single.yaml"], output="out")
    assert in_process == []
