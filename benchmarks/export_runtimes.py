"""A file of `ctal export` in other runtimes: differences from ONNX Runtime, and times beside it.

    python -m benchmarks.export_runtimes RUNTIME network.onnx

RUNTIME is one of openvino, openvino_float32, openvino_saved, opencv, litert, ncnn, aotinductor. The
script imports nothing of ctal and torch unless the runtime needs it, so that it runs in an
environment with the runtime, onnxruntime and Pillow alone: docs/export.md has the packages. For
litert and aotinductor, `--converted` is the .pt2 of `ctal export`. For ncnn, network.onnx has raw
maps (`--raw`), and it is the .param that `pnnx network.onnx inputshape=[1,3,96,128] fp16=0` wrote.

One image, one thread, medians of alternating runs; images are those of Rooms' test split.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
Run = Callable[[Array], dict[str, Array]]
IMAGES = Path(__file__).parents[1] / "src/ctal/data/rooms/test/image"
TURNS = 30


def onnx_runtime(file: str) -> tuple[Run, dict[str, str]]:
    """Open a file in ONNX Runtime on one thread; return it and its metadata."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(image: Array) -> dict[str, Array]:
        return dict(zip(names, session.run(None, {"image": image}), strict=True))

    return run, session.get_modelmeta().custom_metadata_map


def openvino(file: str, hint: str = "", saved: bool = False) -> Run:
    """Open an .onnx file in OpenVINO, with `hint` as the precision of its computations."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(file)
    if saved:
        with tempfile.TemporaryDirectory() as folder:
            ov.save_model(model, f"{folder}/network.xml")
            model = core.read_model(f"{folder}/network.xml")
    settings = {"INFERENCE_NUM_THREADS": 1} | ({"INFERENCE_PRECISION_HINT": hint} if hint else {})
    compiled = core.compile_model(model, "CPU", settings)
    print("computes in", compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
    names = [output.get_any_name() for output in model.outputs]

    def run(image: Array) -> dict[str, Array]:
        found = compiled(image)
        return {name: found[index] for index, name in enumerate(names)}

    return run


def opencv(file: str) -> Run:
    """Open an .onnx file in the dnn module of OpenCV."""
    import cv2

    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(file)
    names = network.getUnconnectedOutLayersNames()

    def run(image: Array) -> dict[str, Array]:
        network.setInput(image, "image")
        return dict(zip(names, network.forward(names), strict=True))

    return run


def litert(file: str) -> Run:
    """Convert the .pt2 file of `ctal export` by litert-torch, and open the .tflite file."""
    import litert_torch
    import torch
    from ai_edge_litert.interpreter import Interpreter

    exported = torch.export.load(file)
    (images,), _ = exported.example_inputs
    network = exported.module()
    for weight in network.parameters():  # litert-torch 0.10.0 converts channels_last wrongly
        weight.data = weight.data.contiguous()
    converted = litert_torch.convert(network, (images[:1],))
    with tempfile.TemporaryDirectory() as folder:
        converted.export(f"{folder}/network.tflite")
        interpreter = Interpreter(f"{folder}/network.tflite", num_threads=1)
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()

    def run(image: Array) -> dict[str, Array]:
        return dict(runner(**{name: image}))

    return run


def ncnn(file: str) -> Run:
    """Open a .param file, and the .bin beside it, in ncnn."""
    import ncnn as library

    network = library.Net()
    network.opt.num_threads = 1
    if network.load_param(file) or network.load_model(str(Path(file).with_suffix(".bin"))):
        raise SystemExit("ncnn cannot load the file")

    def run(image: Array) -> dict[str, Array]:
        extractor = network.create_extractor()
        pixels = np.ascontiguousarray(image[0])  # ncnn does not keep it, so a name must
        extractor.input("in0", library.Mat(pixels))
        return {name: np.array(extractor.extract(name)[1])[None] for name in network.output_names()}

    return run


def aotinductor(file: str) -> Run:
    """Compile the .pt2 file of `ctal export` ahead of time, and open the package."""
    import torch

    torch.set_num_threads(1)
    program = torch.export.load(file)
    with tempfile.TemporaryDirectory() as folder:
        package = torch._inductor.aoti_compile_and_package(
            program, package_path=f"{folder}/network.pt2"
        )
        compiled = torch._inductor.aoti_load_package(package)

    def run(image: Array) -> dict[str, Array]:
        with torch.inference_mode():
            # a package reads inputs of other strides as contiguous ones, without an error
            maps = compiled(torch.from_numpy(np.ascontiguousarray(image)))
        return {name: map_.numpy() for name, map_ in maps.items()}

    return run


RUNTIMES: dict[str, Callable[[str], Run]] = {
    "openvino": openvino,
    "openvino_float32": lambda file: openvino(file, "f32"),
    "openvino_saved": lambda file: openvino(file, "f32", saved=True),
    "opencv": opencv,
    "litert": litert,
    "ncnn": ncnn,
    "aotinductor": aotinductor,
}


def examples(size: tuple[int, int], count: int = 16) -> list[Array]:
    """Return images of Rooms, (1, 3, H, W) in 0..1."""
    files = sorted(IMAGES.glob("*.jpg"))
    images = [Image.open(files[i * len(files) // count]) for i in range(count)]
    return [
        np.asarray(image.convert("RGB").resize(size[::-1]), np.float32).transpose(2, 0, 1)[None]
        / 255
        for image in images
    ]


def difference(expected: Array, found: Array) -> str:
    """Return the share of classes that differ, or the mean and largest difference of numbers."""
    if found.shape != expected.shape and found.size == expected.size:  # channels last
        print("  its shape is", found.shape, "for", expected.shape)
        if found.ndim == 4:
            found = found.transpose(0, 3, 1, 2)
        found = found.reshape(expected.shape)
    if expected.dtype.kind == "i":
        return f"{100 * np.mean(found.astype(int) != expected):.2f} % differ"
    off = np.abs(found - expected)
    return f"mean {off.mean():.2g}, max {off.max():.2g}"


def main() -> None:
    """Compare one runtime with ONNX Runtime."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runtime", choices=RUNTIMES)
    parser.add_argument("file", help="the .onnx file")
    parser.add_argument("--converted", help="the file for the runtime, if not the .onnx file")
    arguments = parser.parse_args()
    reference, notes = onnx_runtime(arguments.file)
    height, width = json.loads(notes["image_size"])
    images = examples((height, width))
    run = RUNTIMES[arguments.runtime](arguments.converted or arguments.file)
    expected = [reference(image) for image in images]
    found = [run(image) for image in images]
    for name, key in zip(expected[0], _matched(expected[0], found[0]), strict=True):
        maps = [
            np.concatenate([each[k] for each in all_])
            for k, all_ in ((name, expected), (key, found))
        ]
        print(f"{name:<8}", difference(*maps))
    seconds: dict[str, list[float]] = {"ONNX Runtime": [], arguments.runtime: []}
    for _ in range(TURNS):
        for title, call in zip(seconds, (reference, run), strict=True):
            start = time.perf_counter()
            call(images[0])
            seconds[title].append(time.perf_counter() - start)
    ratios = [own / other for other, own in zip(*seconds.values(), strict=True)]
    print({title: f"{1e3 * statistics.median(times):.0f} ms" for title, times in seconds.items()})
    print(f"time of ONNX Runtime's: {statistics.median(ratios):.2f}")


def _matched(expected: dict[str, Array], found: dict[str, Array]) -> list[str]:
    """Return the key of each expected map: by name, or else by the number of values."""
    if set(expected) <= set(found):
        return list(expected)
    sizes = {map_.size: key for key, map_ in found.items()}
    return [sizes[map_.size] for map_ in expected.values()]


if __name__ == "__main__":
    main()
