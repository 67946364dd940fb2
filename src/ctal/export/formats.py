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

Run = Callable[[Tensor], dict[str, Tensor]]
"""Runs a file: (B, 3, H, W) in 0..1 to {task name: decoded map}."""


class Format(NamedTuple):
    """A file format.

    Attributes:
        runtime: name of the runtime.
        modules: modules required to write and run it.
        write: writes a graph, the names of its outputs and metadata to a file.
        open: prepares a file to run, on as many threads as torch has.
    """

    runtime: str
    modules: tuple[str, ...]
    write: Callable[[ExportedProgram, list[str], Mapping[str, str], BinaryIO], None]
    open: Callable[[Path], Run]


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
    graph: ExportedProgram, outputs: list[str], notes: Mapping[str, str], file: BinaryIO
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about names given below
        logging.getLogger("onnxscript").setLevel(logging.ERROR)
        program: Any = torch.onnx.export(
            graph,
            dynamo=True,
            input_names=[INPUT],
            output_names=outputs,
            dynamic_shapes={INPUT: {0: "batch"}},  # the name of the axis
            verbose=False,
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


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    # bytes, because the file still has a temporary name
    session = onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def run(images: Tensor) -> dict[str, Tensor]:
        maps = session.run(names, {INPUT: images.numpy()})
        return {name: torch.from_numpy(map_) for name, map_ in zip(names, maps, strict=True)}

    return run


def _write_program(
    graph: ExportedProgram, outputs: list[str], notes: Mapping[str, str], file: BinaryIO
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
    ".onnx": Format("ONNX Runtime", ("onnx", "onnxscript", "onnxruntime"), _write_onnx, _open_onnx),
    ".pt2": Format("torch.export, eager", (), _write_program, _open_program),
}
