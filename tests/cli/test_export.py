import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.export.checkpoints import small_network
from tests.fixtures.export import graph, network
from tests.small_networks import write_checkpoint

from ctal import cli
from ctal.cli import export as command
from ctal.export.tracing import Deployed, traced
from ctal.networks import CTALNet
from ctal.profiling.cost import run_latencies

__all__ = ["graph", "network"]  # fixtures
DOCS = Path(__file__).parents[2] / "docs" / "export.md"
pytest.importorskip("onnx", reason="the extra `export` is not installed")


@pytest.fixture
def folder(tmp_path, monkeypatch, network):
    """Change to a folder with a checkpoint and an image."""
    monkeypatch.chdir(tmp_path)
    write_checkpoint(network, tmp_path / "a.ckpt")
    Image.effect_noise((80, 60), 90).convert("RGB").save("photo.jpg")
    return tmp_path


@pytest.fixture
def quick(monkeypatch, graph):
    """Reuse a graph that was traced before, since tracing is slow."""
    monkeypatch.setattr(command, "traced", lambda model, contiguous: graph)


def export(output, *more):
    return cli.main(["export", "a.ckpt", "--output", output, "--without_compiled", *more])


def files(folder):
    return sorted(file.name for file in folder.iterdir() if file.is_file())


def test_both_formats_run_without_ctal(folder, capfd):
    for output in ("network.onnx", "network.pt2"):
        assert export(output, "--images", "photo.jpg") == 0
    assert files(folder) == ["a.ckpt", "network.onnx", "network.pt2", "photo.jpg"]
    printed, stages = capfd.readouterr()
    assert stages.splitlines()[:3] == [
        "writing CTALNet as .onnx",
        "comparing its maps with those of PyTorch on 1 image",
        "measuring times",
    ]
    assert "network.onnx: CTALNet, images of 32x64" in printed
    for task in ("semseg", "depth", "normals"):
        assert len(re.findall(rf"^\| {task} ", printed, re.MULTILINE)) == 2
    assert "on 1 image\n" in printed
    assert "| ONNX Runtime " in printed
    assert "| torch.export, eager " in printed
    # the examples of the documentation, where this package cannot be imported; litert-torch, which
    # one of them needs, has its own releases of torch
    found = re.findall("```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    code = "\n".join(example for example in found if "litert_torch" not in example)
    code = 'import sys\nsys.modules["ctal"] = None\n' + code + "\nprint(maps['depth'].shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "semseg (1, 32, 64) class id",
        "depth (1, 1, 32, 64) m",
        "normals (1, 3, 32, 64) unit vector",
        "torch.Size([2, 1, 32, 64])",
    ]


@pytest.mark.usefixtures("quick")
class TestUserErrors:
    """User errors give one line and leave no files."""

    def reported(self, capfd):
        line = capfd.readouterr().err
        assert line.startswith("error: ")
        assert line.count("\n") == 1
        return line

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["none.ckpt", "--output", "a.onnx"], "none.ckpt: checkpoint not found"),
            (["a.ckpt", "--output", "a.tflite"], "a.tflite: expected a file whose name ends with"),
            (["a.ckpt"], "output"),
            (["--output", "a.onnx"], "checkpoint"),
            (["a.ckpt", "--output", "a.ckpt/b.pt2"], "a.ckpt/b.pt2: cannot be written"),
            (["a.ckpt", "--output", "a.pt2", "--images", "x"], "x: not found; expected an image"),
            (["a.ckpt", "--output", "a.pt2", "--int8", "--data", "x.yaml"], "ends with .onnx for"),
            (["a.ckpt", "--output", "a.pt2", "--float16"], "a.pt2: expected a file that ends with"),
            (["a.ckpt", "--output", "a.pt2", "--opset", "18"], "ends with .onnx for --opset"),
            (["a.ckpt", "--output", "a.onnx", "--int8"], "int8: expected images to calibrate on"),
            (["a.ckpt", "--output", "a.onnx", "--per_tensor"], "per_tensor: expected --int8 with"),
            (
                ["a.ckpt", "--output", "a.onnx", "--calibration", "x"],
                "calibration: expected --int8",
            ),
            (["a.ckpt", "--output", "a.onnx", "--int8", "--float16"], "got both"),
            (["a.ckpt", "--output", "a.onnx", "--any_size"], "expected a network without CTAL"),
            (
                ["a.ckpt", "--output", "a.onnx", "--int8", "--calibration", "x"],
                "x: not found; expected an ima",
            ),
            (["a.ckpt", "--output", "a.onnx", "--data", "empty.yaml"], "expected a section `data`"),
        ],
    )
    def test_arguments(self, folder, args, message, capfd):
        (folder / "empty.yaml").write_text("model: {}\n")
        assert cli.main(["export", *args]) == 2
        assert message in self.reported(capfd)
        assert files(folder) == ["a.ckpt", "empty.yaml", "photo.jpg"]

    def test_an_existing_file_is_kept_without_overwrite(self, folder, capfd):
        Path("a.pt2").write_text("mine")
        assert export("a.pt2") == 2
        assert "a.pt2: already exists" in self.reported(capfd)
        assert Path("a.pt2").read_text() == "mine"
        assert export("a.pt2", "--overwrite") == 0
        assert Path("a.pt2").stat().st_size > 1000

    def test_a_file_with_different_maps_is_rejected(self, folder, capfd, monkeypatch):
        wrong = small_network(CTALNet, method="factorised")
        wrong.decoders["depth"][-1].bias.data += 9.0
        other = traced(Deployed(wrong).eval())
        monkeypatch.setattr(command, "traced", lambda model, contiguous: other)
        assert export("a.pt2") == 2
        expected = r"error: depth: the file's map differs from PyTorch's by up to [89][\d.]* \(m\)"
        *stages, line = capfd.readouterr().err.splitlines()
        assert len(stages) == 2  # written, compared
        assert re.match(expected, line)
        assert files(folder) == ["a.ckpt", "photo.jpg"]


@pytest.mark.usefixtures("quick")
class TestTimes:
    def test_compiled_pytorch_is_timed(self, folder, capfd, monkeypatch):
        monkeypatch.setattr(torch, "compile", lambda model: model)  # the real one takes minutes
        assert cli.main(["export", "a.ckpt", "--output", "a.pt2"]) == 0
        table = capfd.readouterr().out
        for name in ("torch.export, eager", "PyTorch, eager", "PyTorch, compiled"):
            assert re.search(rf"^\| {name} +\| +[\d.]+ \| +[\d.]+ \|$", table, re.MULTILINE)
        assert "on 5 images" in table

    def test_a_missing_compiler_is_reported(self, folder, capfd, monkeypatch):
        def fail(model):
            def run(image):
                raise RuntimeError("no working C++ compiler was found")

            return run

        monkeypatch.setattr(torch, "compile", fail)
        assert cli.main(["export", "a.ckpt", "--output", "a.pt2"]) == 0
        printed = capfd.readouterr().out
        assert "compiled: not timed, torch.compile failed (no working C++ compiler" in printed
        assert "| PyTorch, compiled" not in printed

    def test_timings_are_interleaved(self):
        order = []
        calls = {name: lambda image, name=name: order.append(name) for name in ("a", "b")}
        image = torch.rand(1, 3, 4, 4)
        times = run_latencies({name: (call, image) for name, call in calls.items()})
        assert list(times) == ["a", "b"]
        assert order == ["a", "b"] * (len(order) // 2)
