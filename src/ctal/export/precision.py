"""Smaller numbers in an ONNX file: float16, or int8 calibrated on images.

Both are made by ONNX Runtime's own tools from the file in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import Tensor

from ctal.export.tracing import INPUT

Precision = Literal["float32", "float16", "int8"]
"""Numbers that a file computes with."""


class _Images(CalibrationDataReader):
    """Yields batches of images one by one, in the form that ONNX Runtime asks for.

    Args:
        batches: (B, 3, H, W) each, in 0..1.
    """

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self._batches: Iterator[Tensor] = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, or None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch.numpy()}


def to_float16(content: bytes) -> bytes:
    """Convert weights and operators of a float32 model to float16; inputs and outputs stay.

    Args:
        content: an .onnx file in float32.

    Returns:
        The file in float16.
    """
    model = convert_float_to_float16(onnx.load_from_string(content), keep_io_types=True)
    return model.SerializeToString()


def to_int8(content: bytes, images: Iterable[Tensor], *, per_channel: bool = True) -> bytes:
    """Quantize a float32 model statically, as pairs of QuantizeLinear and DequantizeLinear.

    The range of every activation is the largest that occurs in the images.

    Args:
        content: an .onnx file in float32.
        images: batches (B, 3, H, W) in 0..1, like those that the file will be used on.
        per_channel: a scale for each output channel of a convolution instead of one for all.

    Returns:
        The file in int8.
    """
    with tempfile.TemporaryDirectory(prefix="ctal") as folder:
        source, prepared, quantized = (Path(folder, f"{name}.onnx") for name in "abc")
        source.write_bytes(content)
        # folds constants, such as scaled mixing weights; its symbolic inference of shapes fails
        # with batches of any size, and ONNX's own knows all shapes that are needed
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantized,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
        )
        return _without_unused_imports(onnx.load(quantized)).SerializeToString()


def _without_unused_imports(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove operator sets that no node needs, which other runtimes may not know."""
    used = {node.domain for node in model.graph.node}
    kept = [item for item in model.opset_import if item.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model
