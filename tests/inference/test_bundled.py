"""The bundled models: their sizes and cards, and the use of the default one."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

import ctal
from ctal import cli
from ctal.data import Rooms
from ctal.io.bundled import DEFAULT
from ctal.networks import MultiScaleCTALNet

FOLDER = Path(str(files("ctal") / "trained" / DEFAULT))
VIEW = sorted((Rooms("test").root / "image").iterdir())[0]


@pytest.fixture(scope="module")
def model():
    return ctal.load(DEFAULT)


@pytest.mark.parametrize(("name", "megabytes"), [("nyuv2-lite0", 16), ("nyuv2-lite2", 18)])
def test_it_is_small_and_has_a_card(name, megabytes):
    folder = FOLDER.with_name(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) < megabytes * 1e6
    card = (folder / "README.md").read_text()
    encoder = f"tf_efficientnet_{name.removeprefix('nyuv2-')}"
    for words in (f"MultiScaleCTALNet with {encoder}", f'load("{name}")', "NYUv2", "derived"):
        assert words in card
    assert "/" not in card.partition("## Data")[2].partition("##")[0]  # no local path


def test_it_predicts_all_of_its_tasks(model):
    assert isinstance(model.network, MultiScaleCTALNet)
    assert [task.name for task in model.tasks] == ["semseg", "depth", "normals"]
    assert model.tasks[0].class_names[4] == "floor"
    assert {value.dtype for value in model.network.parameters()} == {torch.float32}
    maps = model.predict(VIEW)
    assert 0.3 < maps["depth"].min() < maps["depth"].max() < 15
    np.testing.assert_allclose(np.linalg.norm(maps["normals"], axis=-1), 1, atol=1e-5)
    assert (maps["normals"][..., 2] < 0).mean() > 0.8  # towards the camera


def test_commands_use_it_by_default(tmp_path, capsys):
    assert cli.main(["predict", str(VIEW), "--output", str(tmp_path)]) == 0
    with np.load(tmp_path / f"{VIEW.stem}.npz") as maps:
        assert {"semseg", "depth", "normals"} <= set(maps)
    out = str(tmp_path / "explained")
    assert cli.main(["explain", str(VIEW), "--output", out]) == 0
    assert cli.main(["info", DEFAULT]) == 0
    assert "MultiScaleCTALNet" in capsys.readouterr().out
