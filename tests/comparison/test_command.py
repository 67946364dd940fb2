import json
import statistics
import sys

import pytest
import yaml
from PIL import Image

import ctal
from ctal import cli
from ctal.comparison import compare
from ctal.comparison.runs import configurations, import_classes
from ctal.errors import InputError

SHORT = ["trainer.max_epochs=1"]


def test_end_to_end_and_again(configs, scores_of, tmp_path, capsys):
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
    assert capsys.readouterr().out.endswith(markdown)
    assert "FolderDataset, pictures of 32x32: train 4, val 2, test 3" in markdown
    assert Image.open(tmp_path / "out" / "figure.png").size[0] > 5 * 256

    # again: nothing is trained or scored anew, and the numbers stay
    written = {name: scores_of(name, 1)[1] for name in runs}
    weights = (tmp_path / "out" / "single" / "seed0" / "checkpoints" / "best.ckpt").stat()
    compare(configs, [0, 1], "out", "single", SHORT)
    assert {name: scores_of(name, 1)[1] for name in runs} == written
    again = (tmp_path / "out" / "single" / "seed0" / "checkpoints" / "best.ckpt").stat()
    assert again.st_mtime_ns == weights.st_mtime_ns
    repeated = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["mean"] for row in repeated["rows"]] == [row["mean"] for row in content["rows"]]

    with pytest.raises(InputError, match=r"seed0: holds a run of single\.yaml with other settings"):
        compare(configs, [0], "out", "single", ["trainer.max_epochs=2"])


def test_an_unfinished_run_is_resumed_and_not_begun_anew(configs, scores_of, tmp_path):
    command = ["compare", "single.yaml", "--output", "out", "--overrides", *SHORT, "--seeds", "0"]
    assert cli.main(command) == 0
    before, _ = scores_of("single", 0)
    run = tmp_path / "out" / "single" / "seed0"
    trained = (run / "checkpoints" / "best.ckpt").read_bytes()
    for split in ("val", "test"):
        (run / f"scores_{split}.json").unlink()
    assert cli.main(command) == 0
    assert scores_of("single", 0)[0] == before
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == trained


def test_classes_of_a_finished_run_are_imported(monkeypatch, tmp_path):
    (tmp_path / "my_task.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    import_classes({"data": {"maps": [{"task": {"class_path": "my_task.Task"}, "scale": 1}]}})
    assert "my_task" in sys.modules


def test_a_run_of_somebody_else_is_left_alone(configs, tmp_path):
    foreign = tmp_path / "out" / "single" / "seed0" / "checkpoints" / "last.ckpt"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("")
    with pytest.raises(InputError, match="seed0: holds a run that `ctal compare` did not start"):
        compare(["single.yaml"], output="out")


def test_a_run_that_failed_at_once_may_be_started_otherwise(configs, tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare(["single.yaml"], output="out", overrides=["trainer.max_epoch_=1"])
    request = tmp_path / "out" / "single" / "seed0" / "request.json"
    assert "max_epoch_" in request.read_text()
    with pytest.raises(SystemExit):
        compare(["single.yaml"], output="out", overrides=["trainer.max_steps_=1"])
    assert "max_steps_" in request.read_text()
    with pytest.raises(InputError, match="pictures: expected a number from 1 on, got 0"):
        compare(["single.yaml"], output="out", pictures=0)


class TestConfigurations:
    def test_the_reference_comes_first(self, configs):
        assert list(configurations(configs, None, "test")) == ["shared", "single"]
        assert list(configurations(configs, "single", "test")) == ["single", "shared"]

    @pytest.mark.parametrize(
        ("files", "reference", "split", "message"),
        [
            (["single.yaml", "none.yaml"], None, "test", r"none\.yaml: expected a configuration"),
            (["single.yaml", "./single.yaml"], None, "test", "configs: expected different names"),
            (["single.yaml"], "other", "test", "reference: expected one of single, got 'other'"),
            (["single.yaml"], None, "train", "split: expected test or val, got 'train'"),
            (["list.yaml"], None, "test", r"list\.yaml: expected a mapping"),
            (["broken.yaml"], None, "test", r"broken\.yaml: not a configuration in YAML"),
            (["flat.yaml"], None, "test", r"flat\.yaml: data: expected a mapping, got 3"),
        ],
    )
    def test_what_cannot_be_compared(self, configs, tmp_path, files, reference, split, message):
        (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
        (tmp_path / "flat.yaml").write_text("data: 3\n")
        (tmp_path / "broken.yaml").write_text("a: [1\nb: {")
        with pytest.raises(InputError, match=message) as caught:
            configurations(files, reference, split)
        assert "\n" not in str(caught.value)

    def test_other_data(self, configs, tmp_path):
        content = yaml.safe_load((tmp_path / "single.yaml").read_text())
        content["data"]["image_size"] = [64, 64]
        (tmp_path / "large.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(InputError, match=r"large\.yaml: its data\.image_size is not that of"):
            configurations(["single.yaml", "large.yaml"], None, "test")

    def test_no_split_to_score_on(self, configs, tmp_path):
        content = yaml.safe_load((tmp_path / "single.yaml").read_text())
        del content["data"]["test"]
        (tmp_path / "single.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(InputError, match=r"single\.yaml: has no data\.test"):
            configurations(["single.yaml"], None, "test")
        assert configurations(["single.yaml"], None, "val")
