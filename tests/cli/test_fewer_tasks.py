"""`ctal test` on a split with fewer tasks than the network, with augmentation and crops."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.cli import test_scoring

from ctal.cli import main

run = test_scoring.run  # the fixture: a run of classes and depth
SCORING = {
    "resolution": "image",
    "flip": True,
    "scales": [0.5, 1, 1.5],
    "depth": {"min_depth": 0.001, "max_depth": 5, "crop": "nyuv2", "median_scaling": True},
}


@pytest.mark.parametrize(("kept", "lacking"), [("semseg", "depth"), ("depth", "semseg")])
def test_a_split_with_one_of_two_tasks(run, kept, lacking, monkeypatch, capsys):
    monkeypatch.chdir(run)
    content = yaml.safe_load(Path("run/config.yaml").read_text()) | {"scoring": SCORING}
    maps = content["data"]["test"]["init_args"]["maps"]
    content["data"]["test"]["init_args"]["maps"] = [m for m in maps if m["files"].startswith(kept)]
    Path("few.yaml").write_text(yaml.safe_dump(content))
    assert main(["test", "--config", "few.yaml"]) == 0
    written = json.loads(Path("run/scores_test.json").read_text())
    scores = {key: value for key, value in written["scores"].items() if "/" in key}
    assert all(math.isfinite(scores[key]) for key in scores if key.startswith(kept))
    assert all(scores[key] is None for key in scores if key.startswith(lacking))
    assert {key.split("/")[0] for key in scores} == {kept, lacking}
    lines = Path("run/scores_test.csv").read_text().splitlines()
    rows = np.array([line.split(",") for line in lines])
    columns = [index for index, key in enumerate(rows[0]) if key.startswith(lacking)]
    assert columns
    assert not rows[1:, columns].any()
    # no table of classes without a score
    assert ("accuracy %" in capsys.readouterr().out) is (kept == "semseg")
