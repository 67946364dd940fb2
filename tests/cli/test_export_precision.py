"""`ctal export --float16 | --int8`: scored beside PyTorch, and run by the script of the docs."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.export.checkpoints import small_network
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.inference import Model
from ctal.networks import SharedEncoderNet

pytest.importorskip("onnx", reason="the extra `export` is not installed")

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
DATA = """
data:
  train: &scenes
    class_path: ctal.data.FolderDataset
    init_args:
      root: scenes
      image: "image/{name}.png"
      maps:
        - task:
            class_path: ctal.tasks.SemanticSegmentation
            init_args: {num_classes: 3, class_names: [a, b, c]}
          files: "semseg/{name}.npy"
        - task: {class_path: ctal.tasks.Depth}
          files: "depth/{name}.npy"
        - task: {class_path: ctal.tasks.SurfaceNormals}
          files: "normals/{name}.npy"
  val: *scenes
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with a checkpoint, and scenes labelled with its predictions."""
    monkeypatch.chdir(tmp_path)
    network = small_network(SharedEncoderNet)
    write_checkpoint(network, tmp_path / "a.ckpt")
    Path("data.yaml").write_text(DATA)
    for name in "abc":
        image = Image.effect_noise((64, 32), 90).convert("RGB")
        for kind, pixels in Model(network).predict(image).items():
            Path("scenes", kind).mkdir(parents=True, exist_ok=True)
            np.save(f"scenes/{kind}/{name}.npy", pixels)
        Path("scenes/image").mkdir(exist_ok=True)
        image.save(f"scenes/image/{name}.png")
    image.save("photo.jpg")
    return tmp_path


@pytest.mark.parametrize("precision", ["--float16", "--int8"])
def test_a_precision_is_scored_beside_pytorch(folder, precision, capfd):
    options = ["--without_compiled", "--data", "data.yaml", "--opset", "20", precision]
    assert cli.main(["export", "a.ckpt", "--output", "network.onnx", *options]) == 0
    printed, _ = capfd.readouterr()
    iou = re.search(r"^\| semseg +\| +miou ↑ % \| +(\S+) \| +(\S+) \|", printed, re.M)
    assert iou, printed
    assert float(iou[1]) == 100  # the labels are PyTorch's own predictions
    assert float(iou[2]) > 50
    depth = re.search(r"^\| depth +\| +abs_error ↓ m \| +(\S+) \| +(\S+) \|", printed, re.M)
    assert depth, printed
    assert float(depth[1]) < 1e-5
    assert float(depth[2]) < 0.2
    assert "- scores on the val split of the data" in printed

    code, _ = re.findall("```python\n(import json\n.*?)```", DOCS.read_text(), re.DOTALL)
    code = 'import sys\nsys.modules["ctal"] = sys.modules["torch"] = None\n' + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_the_documented_lines_with_torch_alone(folder):
    assert cli.main(["export", "a.ckpt", "--output", "network.pt2", "--without_compiled"]) == 0
    _, code = re.findall("```python\n(import json\n.*?)```", DOCS.read_text(), re.DOTALL)
    code += "print(*(tuple(each.shape) for each in maps.values()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(2, 32, 64) (2, 1, 32, 64) (2, 3, 32, 64)\n"


def test_raw_maps_need_no_operators_of_decoding(folder, capfd):
    import onnx

    args = ["export", "a.ckpt", "--output", "raw.onnx", "--raw", "--without_compiled"]
    assert cli.main([*args, "--data", "data.yaml"]) == 0
    model = onnx.load("raw.onnx")
    shapes = {
        output.name: [side.dim_value for side in output.type.tensor_type.shape.dim[1:]]
        for output in model.graph.output
    }
    assert shapes == {"semseg": [3, 32, 64], "depth": [1, 32, 64], "normals": [3, 32, 64]}
    assert {item.key: item.value for item in model.metadata_props}["maps"] == '"raw"'
    assert not {node.op_type for node in model.graph.node} & {"ArgMax", "Less", "Where"}
    # a mean over all pixels, with weights in channels_last, would be a gather of this name
    assert not [node.name for node in model.graph.node if "as_strided" in node.name]
    printed = capfd.readouterr().out
    assert re.search(r"^\| semseg +\| +raw \|", printed, re.MULTILINE)
    assert "class ids" not in printed
    # decoded before they are scored: the labels are the network's own predictions
    assert re.search(r"^\| semseg .*\| +100.00 \| +100.00 \|", printed, re.MULTILINE)
