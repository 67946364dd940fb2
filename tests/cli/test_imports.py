"""Commands import only the modules that they need."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from ctal.inference import Model
from ctal.networks import SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation

LISTED = (
    "import json, sys\n"
    "from ctal.cli.main import main\n"
    "code = main(sys.argv[1:])\n"
    "found = {name.split('.')[0] for name in sys.modules} | {'torch._dynamo'} & set(sys.modules)\n"
    "print(json.dumps(sorted(found)))\n"
    "sys.exit(code)"
)


def imported(*args):
    """Return the top-level packages, and torch's compiler, that a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED, *args], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["data", "--help"]])
def test_lists_of_commands_import_no_third_party_library(args):
    assert not imported(*args) & {"torch", "numpy", "PIL", "jsonargparse", "yaml"}


def test_predict_imports_no_training_or_plotting_library(tmp_path):
    tasks = [SemanticSegmentation(3), Depth()]
    Model(SharedEncoderNet(tasks, "test_resnet", image_size=(32, 64))).save_pretrained(
        tmp_path / "network"
    )
    Image.new("RGB", (48, 40)).save(tmp_path / "one.png")
    found = imported(
        *("predict", str(tmp_path / "one.png"), "--checkpoint", str(tmp_path / "network")),
        *("--output", str(tmp_path / "maps")),
    )
    assert (tmp_path / "maps" / "one.npz").is_file()
    assert not found & {"lightning", "torchmetrics", "matplotlib", "scipy", "tensorboard", "numba"}
    assert "torch._dynamo" not in found
    assert {"torch", "timm"} <= found
