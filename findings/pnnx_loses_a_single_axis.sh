#!/usr/bin/env bash
# pnnx, which converts ONNX files for ncnn, loses the axis of a reduction over one axis
#
# In ONNX files of operator set 18, the axes of ReduceSum, ReduceMean and ReduceL2 are an input with a
# list. A list of two axes is converted; of a list of one, nothing is left ("-23303=0" in the .param).
# Conversion and inference report no error, and the reduction returns its input (ReduceL2: absolute values),
# so that a normalization x / |x| becomes +-1.
# What to do: reduce over two axes, one of them of size 1 (x.unsqueeze(1).norm(dim=(1, 2))).
#
# Seen with pnnx 20261020, ncnn 1.0.20261020, onnx 1.23.2, Python 3.11:
#   pnnx 20261020
#   ReduceSum over [3]: 15 values per channel, expected 3
#   ReduceL2 over [3]: 15 values per channel, expected 3
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pnnx==20261020 ncnn==1.0.20261020 onnx==1.23.2 numpy==2.4.6
cat > "$folder/reproduce.py" <<'PYTHON'
import importlib.metadata
import subprocess
import sys

import ncnn
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = [1, 4, 3, 5]


def values_per_channel(pnnx: str, kind: str, axes: list[int]) -> int:
    """Convert a model of one reduction that keeps its dimensions, and run it in ncnn."""
    shape = [1 if axis in axes else side for axis, side in enumerate(SHAPE)]
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, ["x", "axes"], ["y"], keepdims=1)],
            "reduction",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.array(axes), "axes")],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "a.onnx")
    shape_argument = f"inputshape=[{','.join(map(str, SHAPE))}]"
    subprocess.run([pnnx, "a.onnx", shape_argument], check=True, capture_output=True)
    network = ncnn.Net()
    network.load_param("a.ncnn.param")
    network.load_model("a.ncnn.bin")
    x = np.ones(SHAPE[1:], np.float32)
    extractor = network.create_extractor()
    extractor.input("in0", ncnn.Mat(x))
    return np.array(extractor.extract("out0")[1]).size // 4


print("pnnx", importlib.metadata.version("pnnx"))
outcomes = []
for kind in ("ReduceSum", "ReduceL2"):
    outcomes.append(values_per_channel(sys.argv[1], kind, [3]))
    print(f"{kind} over [3]: {outcomes[-1]} values per channel, expected 3")
sys.exit(outcomes != [15, 15])
PYTHON
cd "$folder"
venv/bin/python reproduce.py "$folder/venv/bin/pnnx"
