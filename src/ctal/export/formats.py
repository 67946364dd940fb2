"""File formats by extension: how each is written, opened and run."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor
from torch.export import ExportedProgram

from ctal.errors import InputError
from ctal.export.tracing import INPUT
from ctal.networks.encoders.bodies import one_line

_AXES = {0: "batch", 2: "height", 3: "width"}  # names of those axes of the input that are dynamic

Run = Callable[[Tensor], dict[str, Tensor]]
"""Runs a file: (B, 3, H, W) in 0..1 to {task name: decoded map}."""


class Format(NamedTuple):
    """A file format.

    Attributes:
        runtime: name of the runtime.
        modules: modules required to write and run it.
        write: writes a graph, the names of its outputs and metadata to a file.
        open: prepares a file to run, on as many threads as torch has.
        is_onnx: whether its operator set and the precision of its numbers can be chosen.
    """

    runtime: str
    modules: tuple[str, ...]
    write: Callable[[ExportedProgram, list[str], Mapping[str, str], BinaryIO, int | None], None]
    open: Callable[[Path], Run]
    is_onnx: bool


def format_of(path: Path) -> Format:
    """Return the format of a file's extension.

    Raises:
        InputError: the extension is unknown, or a required module is not installed.
    """
    found = FORMATS.get(path.suffix)
    if found is None:
        extensions = " or ".join(FORMATS)
        raise InputError(f"{path}: expected a file whose name ends with {extensions}")
    for module in found.modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(
                f"{path}: {path.suffix} files need {module}; "
                "install it with: pip install 'ctal[export]'"
            ) from error
    return found


def _write_onnx(
    graph: ExportedProgram,
    outputs: list[str],
    notes: Mapping[str, str],
    file: BinaryIO,
    opset: int | None = None,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about names given below
        for name in ("onnxscript", "torch.onnx"):  # tracebacks of conversions that fail
            logging.getLogger(name).setLevel(logging.CRITICAL)
        program: Any = torch.onnx.export(
            graph,
            dynamo=True,
            input_names=[INPUT],
            output_names=outputs,
            opset_version=opset,
            dynamic_shapes={INPUT: _axes(graph)},
            verbose=False,
        )
    # an operator set that cannot be had is replaced by another one, without an error
    if opset is not None and (written := program.model.opset_imports[""]) != opset:
        raise InputError(
            f"opset: this network cannot be written with operator set {opset}, only with "
            f"{written}; choose 18 or a later one, or omit --opset"
        )
    program.model.metadata_props.update(notes)
    try:
        content = program.model_proto.SerializeToString()
    except ValueError as error:  # the limit of protobuf is 2 GB
        raise InputError(
            "the network is too large for an .onnx file, whose limit is 2 GB; use a smaller one "
            "or an output that ends with .pt2"
        ) from error
    file.write(content)


def _axes(graph: ExportedProgram) -> dict[int, str]:
    """Return the names of the dynamic axes of the input."""
    name = graph.graph_signature.user_inputs[0]
    node = next(node for node in graph.graph.nodes if node.name == name)
    return {i: _AXES[i] for i, side in enumerate(node.meta["val"].shape) if type(side) is not int}


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    try:
        # bytes, because the file still has a temporary name
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # such as an operator set that it does not know yet
        raise InputError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run the file ({one_line(error)}); "
            "it is not kept"
        ) from error
    names = [output.name for output in session.get_outputs()]

    def run(images: Tensor) -> dict[str, Tensor]:
        maps = session.run(names, {INPUT: images.numpy()})
        return {name: torch.from_numpy(map_) for name, map_ in zip(names, maps, strict=True)}

    return run


def _write_program(
    graph: ExportedProgram,
    outputs: list[str],
    notes: Mapping[str, str],
    file: BinaryIO,
    opset: int | None = None,
) -> None:
    with warnings.catch_warnings():
        # weights in channels_last are not "complete tensors", but are saved completely
        warnings.filterwarnings("ignore", "No complete tensor found")
        torch.export.save(graph, file, extra_files=dict(notes))


def _open_program(path: Path) -> Run:
    module = torch.export.load(path.open("rb")).module()

    def run(images: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            return module(images)

    return run


FORMATS = {
    ".onnx": Format(
        "ONNX Runtime",
        ("onnx", "onnxscript", "onnxruntime"),
        _write_onnx,
        _open_onnx,
        is_onnx=True,
    ),
    ".pt2": Format("torch.export, eager", (), _write_program, _open_program, is_onnx=False),
}
