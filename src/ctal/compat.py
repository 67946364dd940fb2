"""Every use of a private or undocumented API of another library.

Each function names the version that it was checked with. `tests/test_compat.py` runs each of them
alone and says what to change when a new release of the library removes what it uses. Libraries are
imported where they are used, since not every installation has all of them and `ctal --help` must
not wait for torch.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from gradio import Blocks
    from lightning.pytorch import Trainer
    from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
    from torch import Tensor
    from torchmetrics import Metric


def command_parsers(cli: LightningCLI) -> dict[str, LightningArgumentParser]:
    """Return the parser of each subcommand of a `LightningCLI` (lightning 2.6.6).

    Lightning documents `cli.parser` only, which does not give access to those of subcommands.
    """
    return dict(cli._subcommand_parsers)


def set_option_help(parser: LightningArgumentParser, option: str, text: str) -> None:
    """Replace the help text of an option that exists (argparse of Python 3.11 to 3.13).

    jsonargparse takes the text from the docstring of a method of Lightning, and has no way to
    change it.
    """
    parser._option_string_actions[option].help = text


def made_class(make: object) -> type:
    """Return the class that a callable in a configuration makes instances of (jsonargparse 4.53).

    The parser gives a `functools.partial` whose last positional argument is the class. `object` if
    it is another kind of callable, such as a function of a user's.
    """
    values = (make, *reversed(getattr(make, "args", ())))
    return next((value for value in values if isinstance(value, type)), object)


def misconfiguration() -> type[Exception]:
    """Return the class of errors by which Lightning reports a wrong setting (lightning 2.6.6).

    No page of its documentation says where the class is defined.
    """
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    return MisconfigurationException


def trainer_command(trainer: Trainer) -> str:
    """Return which method of a trainer runs: "fit", "validate" or "test" (lightning 2.6.6).

    Its documented attributes (`trainer.validating`) do not distinguish the validation within a
    training from one of its own.
    """
    return "" if trainer.state.fn is None else str(trainer.state.fn.value)


def processed_batches(trainer: Trainer) -> int:
    """Return how many training batches a run has processed in all epochs (lightning 2.6.6).

    `trainer.global_step` counts optimizer steps, of which one may take several batches.
    """
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress.total
    return int(progress.processed)


def defer_sigterm(trainer: Trainer) -> None:
    """Prevent Lightning from raising after a SIGTERM that it has noticed (lightning 2.6.6).

    It would end a run between two batches of one optimizer step and lose the gradients of the
    first.
    """
    trainer._signal_connector.received_sigterm = False


def move_metric(metric: Metric, move: Callable[[Tensor], Tensor], exclude: Sequence[str]) -> None:
    """Apply a function to all states of a metric, as its `.to()` does (torchmetrics 1.9.0).

    For a metric that overrides `_apply`, the only method that every kind of move calls.
    """
    from torchmetrics import Metric

    Metric._apply(metric, move, exclude)


def move_module(module: torch.nn.Module, move: Callable[[Tensor], Tensor], recurse: bool) -> None:
    """Apply a function to all parameters and buffers, as `Module.to()` does (torch 2.14.1).

    For a module that overrides `_apply`, the only method that every kind of move calls.
    """
    from torch import nn

    apply: Any = nn.Module._apply
    apply(module, move, recurse)


def forget_files(blocks: Blocks) -> None:
    """Empty gradio's lists of files that it wrote for visitors (gradio 6.31).

    It appends the path of each file for as long as the server runs.
    """
    for files in blocks.temp_file_sets:
        files.clear()


def prompt_protocol(seconds: float) -> type[asyncio.Protocol]:
    """Return a protocol for `uvicorn.Config(http=...)` that limits the time of headers (0.54.0).

    uvicorn waits for the end of a request's headers without limit, and has no setting for it. Its
    documentation does not say what its own protocols are made of.

    Args:
        seconds: from the opening of a connection, or the first byte of a further request on it, to
            the end of the headers; the connection is closed then.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Prompt(H11Protocol):
        limit: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.limit = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self.unlimited()
            elif self.limit is None:
                self.limit = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self.unlimited()
            super().connection_lost(exc)

        def unlimited(self) -> None:
            if self.limit is not None:
                self.limit.cancel()
                self.limit = None

    return Prompt


def import_image_libraries() -> None:
    """Import torchvision and timm without torch's compiler (0.29.1, 1.0.31; torch 2.14.1).

    The compiler is a third of that time. They import it for a function of RoIAlign on some devices
    and for the decorator `torch.compiler.disable`; here, both import it when they are called.
    """
    name = "torch._dynamo.utils"
    if {name, "torchvision", "timm"} & set(sys.modules):
        return
    compiler: Any = importlib.import_module("torch.compiler")
    disable, late = compiler.disable, _LateModule(name)
    sys.modules[name] = late
    compiler.disable = functools.partial(_disable_late, disable)
    try:
        for library in ("torchvision.transforms.v2", "timm"):  # those that ctal imports first
            importlib.import_module(library)
    finally:
        compiler.disable = disable
        late.leave()


class _LateModule(ModuleType):
    """Takes the place of `torch._dynamo.utils`, and imports it when it is used."""

    def is_compile_supported(self, device_type: str) -> bool:
        return bool(self.__getattr__("is_compile_supported")(device_type))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by the import system
            raise AttributeError(name)
        self.leave()
        return getattr(importlib.import_module(self.__name__), name)

    def leave(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


def _disable_late(disable: Callable[..., Any], *given: Any, **settings: Any) -> Any:
    """Stand in for `torch.compiler.disable`: a function, or a decorator as `@disable(...)`."""
    return disable(*given, **settings) if settings or not given else not_compiled(given[0])


def not_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that torch's compiler does not compile (torch 2.14.1).

    `torch.compiler.disable` imports the compiler; it is called here once another one has done so.
    """

    @functools.cache
    def disabled() -> Callable[..., Any]:
        import torch

        return torch.compiler.disable(function)  # type: ignore[no-untyped-call]

    @functools.wraps(function)
    def call(*args: Any, **settings: Any) -> Any:
        return (disabled() if "torch._dynamo" in sys.modules else function)(*args, **settings)

    return call
