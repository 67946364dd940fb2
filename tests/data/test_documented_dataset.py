"""The example dataset of docs/data.md works as printed."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ctal.cli import main

h5py = pytest.importorskip("h5py", reason="the example reads HDF5")
PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import the module of the page from the current directory, with two scans."""
    code = re.search(r"```python\n(.*?class Scans.*?)```", PAGE.read_text(), re.DOTALL)[1]
    (tmp_path / "scans_of_the_page.py").write_text(code)
    (tmp_path / "scans").mkdir()
    for number in (1, 2):
        with h5py.File(tmp_path / "scans" / f"{number}.h5", "w") as file:
            file["color"] = np.full((4, 6, 3), 51 * number, np.uint8)
            file["depth"] = np.full((4, 6), float(number))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("scans_of_the_page")
    del sys.modules["scans_of_the_page"]


def test_samples_have_the_documented_content(module):
    dataset = module.Scans("scans")
    assert [dataset.sample_name(index) for index in range(len(dataset))] == ["1", "2"]
    assert torch.allclose(dataset[1]["image"], torch.tensor(0.4))
    assert dataset[1]["depth"].unique().tolist() == [2.0]


def test_the_check_finds_no_problems(module, capsys):
    given = ["--data.train=scans_of_the_page.Scans", "--data.train.root=scans", "--workers=0"]
    assert main(["data", "check", *given]) == 0
    out = capsys.readouterr().out
    assert "Scans, 2 samples" in out
    assert "no problems" in out
