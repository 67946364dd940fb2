"""Every network exported, loaded and run in both formats."""

import io
import itertools
import json
import sys

import pytest
import torch
from tests.export.checkpoints import TASKS, small_network
from tests.networks import small_models  # noqa: F401 - makes timm know the transformers
from tests.small_networks import Echo

from ctal.cli.export import notes
from ctal.errors import InputError
from ctal.export.formats import FORMATS, format_of
from ctal.export.parity import compare_maps
from ctal.export.tracing import Deployed, traced
from ctal.networks import (
    CTALNet,
    MTINet,
    MultiScaleCTALNet,
    PADNet,
    PAPNet,
    SharedEncoderNet,
    SingleTaskNet,
)

ENCODERS = ["small_swin", "small_dinov2", "test_efficientnet"]
NETWORKS = [SingleTaskNet, SharedEncoderNet, PADNet, PAPNet, MTINet, CTALNet, MultiScaleCTALNet]
NAMES = [task.name for task in TASKS]
onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")


def options(kind):
    """Return the factorised form, which is used for images of usual sizes."""
    return {"method": "factorised"} if kind in (CTALNet, MultiScaleCTALNet) else {}


def written(graph, network, extension, folder):
    path = folder / f"network{extension}"
    with path.open("wb") as file:
        FORMATS[extension].write(graph, NAMES, notes(Deployed(network)), file)
    return path


@pytest.mark.parametrize(
    ("kind", "encoder"),  # every network once, and every kind of encoder
    list(zip(NETWORKS, itertools.cycle(ENCODERS))),
)
def test_exported_files_of_every_network_give_the_same_results(kind, encoder, tmp_path):
    network = small_network(kind, encoder, **options(kind))
    model = Deployed(network).eval()
    graph = traced(model)
    batches = [torch.rand(count, 3, 32, 64) for count in (1, 2, 3)]
    for extension, form in FORMATS.items():
        run = form.open(written(graph, network, extension, tmp_path))
        assert list(run(batches[0])) == NAMES
        found = compare_maps(model, run, batches)
        assert found["depth"].largest < 1e-4
        assert found["normals"].mean < 1e-5
        assert found["semseg"].mean < 1e-3  # pixels with equal scores of the two best classes


@pytest.fixture(scope="module")
def exported():
    """Return a network with CTAL in the dense form, and its graph."""
    network = small_network()
    return network, traced(Deployed(network).eval())


def test_the_dense_form_is_exported_unchanged(exported, tmp_path):
    network, graph = exported
    run = FORMATS[".onnx"].open(written(graph, network, ".onnx", tmp_path))
    found = compare_maps(Deployed(network), run, [torch.rand(2, 3, 32, 64)])
    assert found["depth"].largest < 1e-4


def test_an_onnx_file_describes_its_content(exported, tmp_path):
    path = written(exported[1], exported[0], ".onnx", tmp_path)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    told = {prop.key: json.loads(prop.value) for prop in model.metadata_props if prop.key != "x"}
    assert told["image_size"] == [32, 64]
    assert told["network"] == "CTALNet"
    assert told["tasks"] == [
        {"name": "semseg", "unit": "class id", "class_names": ["a", "b", "c"]},
        {"name": "depth", "unit": "m"},
        {"name": "normals", "unit": "unit vector"},
    ]
    (image,) = model.graph.input
    axes = [axis.dim_param or axis.dim_value for axis in image.type.tensor_type.shape.dim]
    assert (image.name, axes) == ("image", ["batch", 3, 32, 64])
    assert [output.name for output in model.graph.output] == NAMES
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}  # standard operators only


def test_a_torch_file_describes_its_content(exported, tmp_path):
    network, graph = exported
    told = dict.fromkeys(notes(Deployed(network)), "")
    torch.export.load(str(written(graph, network, ".pt2", tmp_path)), extra_files=told)
    texts = {key: text.decode() if isinstance(text, bytes) else text for key, text in told.items()}
    assert texts == notes(Deployed(network))


def test_a_file_accepts_images_of_its_size_only(exported, tmp_path):
    path = written(exported[1], exported[0], ".pt2", tmp_path)
    with pytest.raises(Exception, match="64"):
        FORMATS[".pt2"].open(path)(torch.rand(1, 3, 32, 32))


def test_a_network_too_large_for_onnx_is_reported(exported, monkeypatch):
    class Huge:
        model = type("Model", (), {"metadata_props": {}})()

        @property
        def model_proto(self):
            raise ValueError("exceeds maximum protobuf size of 2GB")

    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: Huge())
    with pytest.raises(InputError, match=r"limit is 2 GB; .*ends with \.pt2"):
        FORMATS[".onnx"].write(exported[1], NAMES, {}, io.BytesIO())


@pytest.fixture(scope="module")
def echo():
    network = Echo(TASKS, image_size=(32, 64)).eval()
    return network, traced(Deployed(network).eval())


@pytest.mark.parametrize("opset", [18, 22])
def test_the_operator_set_can_be_chosen(echo, opset, tmp_path):
    path = tmp_path / "network.onnx"
    with path.open("wb") as file:
        FORMATS[".onnx"].write(echo[1], NAMES, {}, file, opset)
    assert [(item.domain, item.version) for item in onnx.load(path).opset_import] == [("", opset)]
    compare_maps(Deployed(echo[0]), FORMATS[".onnx"].open(path), [torch.rand(1, 3, 32, 64)])


def test_an_operator_set_that_cannot_be_written(echo, capfd):
    with pytest.raises(InputError, match=r"^opset: .* operator set 1000, only with \d+; choose"):
        FORMATS[".onnx"].write(echo[1], NAMES, {}, io.BytesIO(), 1000)
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_that_onnx_runtime_cannot_run(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"^ONNX Runtime [\d.]+ cannot run the file .* not kept$"):
        FORMATS[".onnx"].open(path)


@pytest.mark.parametrize("name", ["a.tflite", "a", "a.ONNX", "onnx"])
def test_other_extensions(name, tmp_path):
    with pytest.raises(InputError, match=r"expected a file whose name ends with \.onnx or \.pt2"):
        format_of(tmp_path / name)


@pytest.mark.parametrize("module", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_extra(module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"need {module}; .*pip install 'ctal\[export\]'"):
        format_of(tmp_path / "a.onnx")
    assert format_of(tmp_path / "a.pt2") is FORMATS[".pt2"]
