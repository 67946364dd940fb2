"""The section of docs/train.md on fine-tuning: its settings build a training, its Python runs."""

import re
import shlex
from pathlib import Path

import pytest
import timm
import yaml
from safetensors.torch import save_file
from tests.small_classes import write_training
from tests.small_networks import TASKS, write_checkpoint

from ctal.networks import SharedEncoderNet
from ctal.training.dry_run import rehearsed_settings

PAGE = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Fine-tune from a network\n")[1].split("\n## ")[0]
ROWS = re.findall(r"^\| .+ \| `(--.+)` \|$", SECTION, flags=re.MULTILINE)
ENCODER = "tf_efficientnet_lite0"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A directory with data, the configuration of the page, a run and a file of weights."""
    monkeypatch.chdir(tmp_path)
    write_training(tmp_path, "c.yaml", (32, 32), max_epochs=1, logger=False)
    (block,) = re.findall(r"^```yaml\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)
    Path("own.yaml").write_text(block)
    settings = yaml.safe_load(Path("c.yaml").read_text())
    del settings["model"]["network"]  # the page names none: that of the source
    Path("c.yaml").write_text(yaml.safe_dump(settings))
    write_checkpoint(
        SharedEncoderNet(TASKS, ENCODER, image_size=(32, 32)), "runs/first/checkpoints/best.ckpt"
    )
    save_file(timm.create_model(ENCODER).state_dict(), "encoder.safetensors")


@pytest.mark.parametrize("row", ["", *ROWS])
def test_a_row_is_accepted(row):
    assert len(ROWS) == 4
    args = ["fit", "--config", "c.yaml", "--config", "own.yaml", *shlex.split(row)]
    found = rehearsed_settings(args, "own.yaml")["model"]
    source = row.rpartition(" ")[2] or "nyuv2-lite0"
    assert source in (found["init_from"], found["network"]["init_args"]["pretrained"])


def test_the_python_of_the_page():
    (code,) = re.findall(r"^```python\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)
    names = {}
    exec("import ctal\n" + code, names)
    assert names["module"].network.decoders["semseg"][-1].out_channels == 5
    assert names["module"].network.training
