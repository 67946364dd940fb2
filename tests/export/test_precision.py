"""Files in float16 and int8, made of the float32 file of small networks."""

import io

import numpy as np
import pytest
import torch
from tests.export.checkpoints import small_network

from ctal.cli.export import notes
from ctal.export.formats import FORMATS
from ctal.export.parity import compare_maps
from ctal.export.tracing import Deployed, traced
from ctal.networks import CTALNet, Network, Predictions
from ctal.tasks import Depth

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
from onnx import numpy_helper  # noqa: E402

from ctal.export.precision import to_float16, to_int8  # noqa: E402


def content(network):
    file = io.BytesIO()
    names = [task.name for task in network.tasks]
    FORMATS[".onnx"].write(traced(Deployed(network).eval()), names, notes(Deployed(network)), file)
    return file.getvalue()


def opened(file, folder):
    path = folder / "network.onnx"
    path.write_bytes(file)
    return FORMATS[".onnx"].open(path)


def metadata(file):
    return {prop.key: prop.value for prop in onnx.load_from_string(file).metadata_props}


@pytest.fixture(scope="module", params=["dense", "factorised"])
def exported(request):
    network = small_network(CTALNet, method=request.param, channels=16)
    torch.nn.init.constant_(network.decoders["depth"][-1].bias, 2.0)  # meters, not clamped
    return network, content(network)


def images(count):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 32, 64, generator=generator) for _ in range(count)]


def test_float16_halves_the_file_and_keeps_the_types_of_its_maps(exported, tmp_path):
    network, whole = exported
    half = to_float16(whole)
    assert len(half) < 0.6 * len(whole)  # the graph itself is a part of so small a file
    run = opened(half, tmp_path)
    maps = run(torch.rand(2, 3, 32, 64))
    types = [torch.int64, torch.float32, torch.float32]
    assert [map_.dtype for map_ in maps.values()] == types
    found = compare_maps(Deployed(network), run, images(2), exact=False)
    assert 0 < found["depth"].mean < 5e-3
    assert metadata(half).items() >= notes(Deployed(network)).items()
    kinds = {item.data_type for item in onnx.load_from_string(half).graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds


def test_int8_of_both_forms_of_ctal(exported, tmp_path):
    network, whole = exported
    quantized = to_int8(whole, images(4))
    assert len(quantized) < 0.6 * len(whole)
    model = onnx.load_from_string(quantized)
    assert {node.domain for node in model.graph.node} == {""}
    assert [item.domain for item in model.opset_import] == [""]
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in model.graph.node}
    assert metadata(quantized).items() >= notes(Deployed(network)).items()
    run = opened(quantized, tmp_path)
    found = compare_maps(Deployed(network), run, images(2), exact=False)
    assert 0 < found["depth"].mean < 0.05
    both = torch.cat(images(2))
    apart = torch.cat([run(image)["depth"] for image in both.split(1)])
    torch.testing.assert_close(run(both)["depth"], apart)  # batches of any size


class Channels(Network):
    """A convolution whose output channels differ in size by a factor of 1000."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.conv = torch.nn.Conv2d(3, 2, 1, bias=False)
        large = torch.linspace(-1, 1, 3)
        self.conv.weight.data = torch.stack([large, 1e-3 * large])[..., None, None]

    def predict_raw(self, images):
        small = 1000 * self.conv(images)[:, 1:]
        return Predictions({"depth": small + 2.0}, [])


def scales(file, name_of_input):
    """Return the scales of what is quantized from, or dequantized to, a tensor of the graph."""
    graph = onnx.load_from_string(file).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    return [
        values[node.input[1]]
        for node in graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        and any(name_of_input in name for name in (*node.input, *node.output))
    ]


def stored(file):
    """Return the int8 weights of the convolution, (2, 3)."""
    found = [
        numpy_helper.to_array(item).reshape(2, 3)
        for item in onnx.load_from_string(file).graph.initializer
        if item.data_type == onnx.TensorProto.INT8 and tuple(item.dims) == (2, 3, 1, 1)
    ]
    assert len(found) == 1
    return found[0]


def test_scales_by_hand():
    """An image of 0..0.5 has steps of 0.5 / 255; weights have 127 steps from 0 to the largest."""
    network = Channels([Depth()], image_size=(32, 32)).eval()
    whole = content(network)
    dark = [torch.linspace(0, 0.5, 3 * 32 * 32).view(1, 3, 32, 32)]
    per_channel, per_tensor = (to_int8(whole, dark, per_channel=each) for each in (True, False))
    for file in (per_channel, per_tensor):
        np.testing.assert_allclose(scales(file, "image")[0], 0.5 / 255, rtol=1e-5)
    weights = scales(per_channel, "conv.weight")[0]
    np.testing.assert_allclose(weights, [1 / 127, 1e-3 / 127], rtol=1e-2)
    np.testing.assert_allclose(scales(per_tensor, "conv.weight")[0], 1 / 127, rtol=1e-2)
    # per tensor, the small channel is less than a step of the large one
    np.testing.assert_array_equal(stored(per_channel), [[-127, 0, 127]] * 2)
    np.testing.assert_array_equal(stored(per_tensor), [[-127, 0, 127], [0, 0, 0]])
