"""Private and undocumented APIs used by ctal, and the remedy if they are removed."""

import asyncio
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringDataModule
from torchmetrics import Metric

from ctal import compat

ROOT = Path(__file__).resolve().parents[1]


class Line(LightningModule):
    """Fit a line."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append((compat.trainer_command(self.trainer), self.trainer.validating))
        return self.layer(torch.ones(1, 1)).square().mean()

    def validation_step(self, batch, batch_idx):
        self.seen.append((compat.trainer_command(self.trainer), self.trainer.validating))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.fixture
def trainer(tmp_path):
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        accumulate_grad_batches=2,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )


def parser_of_fit():
    found = {}

    class Cli(LightningCLI):
        def parse_arguments(self, parser, args):
            found.update(compat.command_parsers(self))
            raise StopIteration

    with pytest.raises(StopIteration):
        Cli(Line, BoringDataModule, args=["fit"])
    return found["fit"]


def test_command_parsers():
    """If removed: keep the parser that `LightningCLI.init_parser` returns for each subcommand."""
    assert "trainer.max_epochs" in parser_of_fit().get_defaults()


def test_set_option_help():
    """If removed: delete the call; `ctal fit --help` then prints Lightning's help of ckpt_path."""
    parser = parser_of_fit()
    compat.set_option_help(parser, "--ckpt_path", "zzz of ctal")
    assert "zzz of ctal" in parser.format_help()


def test_misconfiguration(tmp_path):
    """If removed: find the exception of `Trainer(max_epochs=-2)`, and return its class."""
    with pytest.raises(compat.misconfiguration(), match="max_epochs"):
        Trainer(max_epochs=-2, logger=False, accelerator="cpu", default_root_dir=tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_trainer_command_and_processed_batches(trainer):
    """If removed: count batches in `on_train_batch_end`; store the command in `Experiment`."""
    module, batches = Line(), torch.utils.data.DataLoader(range(3))
    trainer.fit(module, batches, batches)
    assert set(module.seen) == {("fit", False), ("fit", True)}
    # 2 epochs of 3 batches; an optimizer step takes 2 of them, or the 1 that is left
    assert compat.processed_batches(trainer) == 6
    assert trainer.global_step == 4
    module.seen.clear()
    trainer.validate(module, batches, verbose=False)
    assert set(module.seen) == {("validate", True)}


def test_defer_sigterm(trainer):
    """If removed: see how Lightning records SIGTERM; see training/test_checkpointing.py."""
    connector = trainer._signal_connector
    assert connector.received_sigterm is False  # a new name would be set without effect
    connector.received_sigterm = True
    compat.defer_sigterm(trainer)
    assert trainer.received_sigterm is False


class Sum(Metric):
    def __init__(self):
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, value):
        self.total += value

    def compute(self):
        return self.total

    def _apply(self, fn, exclude_state=""):
        compat.move_metric(self, lambda state: state.to(fn(state).device) + 1, exclude_state)
        return self


def test_move_metric():
    """If removed: move states in `Metric.to`, `.cuda`, `.half`, `.bfloat16`, also when nested."""
    total = torch.nn.ModuleList([Sum()]).to(torch.bfloat16)[0].total
    assert total.dtype is torch.float64
    assert total == 1


class Buffers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("sums", torch.zeros(2))

    def _apply(self, fn, recurse=True):
        compat.move_module(self, lambda state: state.to(fn(state).device) + 1, recurse)
        return self


def test_move_module():
    """If removed: do not store the sums as buffers, and move them to the device on use."""
    sums = torch.nn.Sequential(Buffers()).half()[0].sums
    assert sums.dtype is torch.float32
    assert sums.tolist() == [1, 1]


_PRIVATE = re.compile(r"(?<![\w.])(?!(?:self|cls)\._)[\w.]+(?:\[[^]]*\]|\([^()]*\))?\._[a-z]")


def test_no_other_module_uses_private_names():
    """Such uses belong in a function of ctal/compat.py, tested above."""
    assert _PRIVATE.search("trainer._connector.x = 1")
    assert _PRIVATE.search("super()._apply(fn)")
    assert not _PRIVATE.search("self._names[0]")
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in sorted((ROOT / "src").rglob("*.py"))
        if file.name != "compat.py"
        for line in file.read_text(encoding="utf-8").splitlines()
        if _PRIVATE.search(line.partition("#")[0])
    ]
    assert found == []


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_prompt_protocol(sent):
    """If removed: find the new name of uvicorn's h11 protocol, and of its state."""
    uvicorn = pytest.importorskip("uvicorn", reason="needs gradio, the extra `demo`")

    async def app(scope, receive, send):
        await asyncio.sleep(0.4)  # longer than the timeout of headers
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def requests():
        protocol = compat.prompt_protocol(0.2)
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, lifespan="off", log_level=50))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            for _ in range(2):
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert b" 204 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            other, slow = await asyncio.open_connection(*listener.getsockname())
            slow.write(sent)
            writer.write(sent)
            assert await asyncio.wait_for(other.read(), 3) == b""
            if sent:  # otherwise the keep-alive timeout closes the connection
                assert await asyncio.wait_for(reader.read(), 3) == b""
            server.should_exit = True
            slow.close()
            writer.close()
            await serving

    asyncio.run(requests())


def test_forget_files():
    """If this fails: see where gradio's `Block.temp_files` are collected now."""
    gradio = pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
    with gradio.Blocks() as blocks:
        image = gradio.Image()
    image.temp_files.add("a.png")
    assert any("a.png" in files for files in blocks.temp_file_sets)
    compat.forget_files(blocks)
    assert not image.temp_files


LATE_COMPILER = """
import sys
from ctal.compat import import_image_libraries
import_image_libraries()
assert {"torchvision", "timm"} <= set(sys.modules) and "torch._dynamo" not in sys.modules

import torch
from torchvision import ops, tv_tensors
image = tv_tensors.Image(torch.ones(3, 8, 8))
assert isinstance(tv_tensors.wrap(torch.zeros(3, 8, 8), like=image), tv_tensors.Image)
assert ops.roi_align(image[None], [torch.tensor([[0.0, 0, 4, 4]])], 2).shape == (1, 3, 2, 2)
assert "torch._dynamo" not in sys.modules, "the compiler is imported too early"

import torch._dynamo.utils
assert torch._dynamo.utils.__file__.endswith("utils.py")
assert ops.roi_align.__globals__["is_compile_supported"]("meta") is False
assert torch.compiler.disable.__module__ == "torch.compiler"
wrapped = torch.compile(lambda x: tv_tensors.wrap(x + 1, like=image), backend="eager")
assert isinstance(wrapped(torch.zeros(3)), tv_tensors.Image)
"""


def test_import_image_libraries():
    done = subprocess.run([sys.executable, "-c", LATE_COMPILER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + (
        "\nimport torchvision and timm imports torch's compiler in another way: mend, or remove, "
        "compat.import_image_libraries"
    )


def test_import_image_libraries_leaves_libraries_that_are_imported():
    code = (
        "import sys, timm\n"
        "before = sys.modules['torch._dynamo.utils']\n"
        "from ctal.compat import import_image_libraries\n"
        "import_image_libraries()\n"
        "sys.exit(sys.modules['torch._dynamo.utils'] is not before)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_late_module_imports_the_module_for_other_attributes(monkeypatch):
    late = compat._LateModule("colorsys")
    monkeypatch.setitem(sys.modules, "colorsys", late)
    assert not hasattr(late, "__path__")
    assert sys.modules["colorsys"] is late
    assert late.rgb_to_hsv(0, 0, 1) == (2 / 3, 1, 1)
    assert sys.modules["colorsys"].__file__.endswith("colorsys.py")
    with pytest.raises(AttributeError):
        late.missing  # noqa: B018
