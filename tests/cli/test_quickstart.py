"""The quick start through the command line, with a few steps on small images."""

import json
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from PIL import Image

import ctal
from ctal import cli
from ctal.cli import quickstart_report, quickstart_stages
from ctal.cli.quickstart_report import summary
from ctal.comparison import Comparison, Row, measures
from ctal.errors import Interrupted
from ctal.tasks import Depth, SemanticSegmentation

CONFIGS = Path(str(files("ctal") / "configs" / "quickstart"))
OVERRIDES = [
    "--overrides",
    *(f"trainer.limit_{split}_batches=2" for split in ("train", "val", "test")),
    *("trainer.max_epochs=1", "trainer.accelerator=cpu", "data.image_size=[32,32]"),
    "data.batch_size=2",
]


BUNDLED = "nyuv2-lite0"  # whose encoder both networks start from


def config(name):
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())


def test_networks_are_compared_on_equal_terms():
    """Both start from the encoder of the bundled model; all settings but the network are equal."""
    single, ctal_config = config("single_task"), config("multi_scale_ctal")
    networks = [each["model"].pop("network") for each in (single, ctal_config)]
    assert single == ctal_config
    for network in networks:
        assert network["init_args"]["encoder"] == "tf_efficientnet_lite0"
        assert network["init_args"]["pretrained"] == BUNDLED


def test_the_bundled_model_has_not_seen_the_data_of_the_quickstart():
    described = ctal.load(BUNDLED).about["data"]
    splits = config("multi_scale_ctal")["data"]
    used = {splits[split]["class_path"].rpartition(".")[2] for split in ("train", "val", "test")}
    assert used == {"Rooms"}
    assert not used & set(described.values())


@pytest.mark.timeout(600)
def test_end_to_end_and_rerun(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["quickstart", "--output", "out", *OVERRIDES]) == 0
    shown = capsys.readouterr()
    table = [line for line in shown.out.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert [line.split("|")[1].strip() for line in table[2:]] == [
        *("single_task", "multi_scale_ctal", "relative change")
    ]
    assert "has not seen Rooms" in shown.err
    assert "[1/3] training multi_scale_ctal" in shown.err
    assert "training: epoch 1/1, step 1/2, loss " in shown.err
    assert "median" not in shown.out + shown.err  # all metrics are in the files
    for name in ("multi_scale_ctal.png", "figure.png"):
        assert f"out/{name}" in shown.out
        assert min(Image.open(tmp_path / "out" / name).size) > 500
    assert "out/comparison.md" in shown.out
    assert "median" in (tmp_path / "out" / "comparison.md").read_text()

    rows = json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["single_task", "multi_scale_ctal", "trivial"]
    assert f"{rows[1]['parameters'] / 1e6:.2f}" in table[3]
    for name in ("single_task", "multi_scale_ctal"):
        folder = tmp_path / "out" / name / "seed0"
        assert min(Image.open(folder / "val.png").size) > 4 * 250
        assert "normals      median" in (folder / "log.txt").read_text()

    weights = tmp_path / "out" / "single_task" / "seed0" / "checkpoints" / "best.ckpt"
    before = weights.stat().st_mtime_ns
    assert cli.main(["quickstart", "--output", "out", *OVERRIDES]) == 0
    again = capsys.readouterr()
    assert weights.stat().st_mtime_ns == before
    assert "training: epoch" not in again.err
    assert [line.split("|")[2:5] for line in again.out.splitlines() if line.startswith("|")] == [
        line.split("|")[2:5] for line in table
    ]


def test_invalid_overrides_are_reported_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["quickstart", "--overrides", "trainer.epochs=1"]) == 2
    assert "trainer.epochs" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.ckpt"))


def test_an_interruption_says_how_to_resume(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def stop(args):
        raise Interrupted("stopped; resume: ctal fit --config x", 15)

    monkeypatch.setattr(quickstart_stages, "Experiment", stop)
    assert cli.main(["quickstart"]) == 128 + 15
    assert capsys.readouterr().err.endswith("stopped; rerun the command to resume\n")


def test_summary_by_hand():
    """Better and worse are those of each metric: a lower error is better."""
    tasks = [SemanticSegmentation(3), Depth()]
    scores = dict.fromkeys((measure.key for measure in measures(tasks)), 0.5)
    cost = {"parameters": 4e6, "gmacs": 2.0, "latency_ms": 10.0}
    cheaper = {"parameters": 3e6, "gmacs": 1.0, "latency_ms": 20.0}
    rows = [
        Row("single", "SingleTaskNet", [scores], cost),
        Row("other", "X", [scores | {"semseg/miou": 0.4, "depth/abs_error": 0.25}], cheaper),
    ]
    text = summary(Comparison(rows, measures(tasks), {}), Path("out"))
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[1:6]]
    assert cells[2] == ["single", "50.0", "0.500", "4.00", "2.00", "10"]
    assert cells[3] == ["other", "40.0", "0.250", "3.00", "1.00", "20"]
    assert cells[4] == ["relative change", "-20 %", "-50 %", "-25 %", "-50 %", "+100 %"]
    # (-20 % + 50 %) / 2
    assert "mean gain of other over the tasks (Δm): +15.0 %" in text
    assert "better in depth, parameters, GMACs\n" in text
    assert "worse in semseg, ms per image (a short training; docs/results.md" in text


def test_the_named_command_works_without_activation(tmp_path, monkeypatch):
    """`make quickstart` runs .venv/bin/ctal, which is not on PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "ctal"), "quickstart"])
    assert quickstart_report._program() == ".venv/bin/ctal"
    monkeypatch.setattr(sys, "argv", ["/lib/ctal/__main__.py", "quickstart"])
    assert quickstart_report._program() == "python -m ctal"
    (tmp_path / "ctal").touch(0o755)
    assert quickstart_report._program() == "ctal"
