"""Images of the documentation that show the bundled model: run it again after the model changed.

    python -m tools.docs_images --nyuv2 ../shared/nyuv2_288x384

`--nyuv2` is a folder that `ctal.data.NYUv2` reads. Two of its test images are shown, as small
derived figures. This writes to docs/images/:

- predictions.jpg: the panels of `ctal predict` for two test images, below each other,
- explain.jpg: the panel of `ctal explain` for one of them,
- demo.jpg: a screenshot of `ctal demo` with its first example, taken with Chromium and playwright,
- quickstart.jpg, with `--quickstart FOLDER`: the maps in the folder of a `ctal quickstart`.

`--only NAME` writes some of them. The other images are results of studies, and their pages have the
commands: docs/studies.md.
"""

from __future__ import annotations

import argparse
import io
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from torchvision.transforms.v2 import functional as TF

import ctal
from ctal.explanation.drawing import explained
from ctal.inference import Model
from ctal.io.bundled import DEFAULT
from ctal.io.images import read_image
from ctal.visualization.predictions import prediction_columns, prediction_panel

FOLDER = Path(__file__).parents[1] / "docs" / "images"
SHOWN = ("0947", "0300")  # names of test images
PIXEL = (190, 240)  # x and y in the second one: a table
WIDTH, HEIGHT = 1200, 1400  # of an image, at most, in pixels
QUALITY = 88  # JPEG: a third of a PNG, whose palette would break gradients
WINDOW = (1280, 1000)


def main() -> None:
    """Write the images."""
    makers: dict[str, Callable[[Model, Path], Image.Image]] = {
        "predictions": predictions,
        "explain": explanation,
        "demo": lambda model, root: demo(),
    }
    names = list(makers)
    parser = argparse.ArgumentParser(prog="python -m tools.docs_images", description=__doc__)
    parser.add_argument("--nyuv2", type=Path, required=True, help="folder of NYUv2")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--quickstart", type=Path, help="folder of a finished `ctal quickstart`")
    parser.add_argument("--output", type=Path, default=FOLDER)
    args = parser.parse_args()
    model = ctal.load(DEFAULT)
    if args.quickstart:
        with Image.open(args.quickstart / "multi_scale_ctal.png") as image:
            write(image.convert("RGB"), args.output / "quickstart.jpg")
    for name in args.only:
        write(makers[name](model, args.nyuv2), args.output / f"{name}.jpg")


def predictions(model: Model, root: Path) -> Image.Image:
    """Draw the panels of two images below each other."""
    panels = []
    for name in SHOWN:
        image = read_image(root / "test" / "image" / f"{name}.jpg")
        columns = prediction_columns(image, model.tasks, model.decoded(image))
        panels.append(TF.to_pil_image(prediction_panel(columns)))
    return below_each_other(panels)


def explanation(model: Model, root: Path) -> Image.Image:
    """Draw the affinities at a pixel, of the first CTAL module."""
    image = read_image(root / "test" / "image" / f"{SHOWN[1]}.jpg")
    with model.capture_affinities() as seen:
        maps = model.decoded(image)
    found = next(iter(seen.values())).at_image(PIXEL, (image.shape[-2], image.shape[-1]))
    return TF.to_pil_image(explained(image, PIXEL, model.tasks, maps, found))


def demo(window: tuple[int, int] = WINDOW, whole: bool = False) -> Image.Image:
    """Take a screenshot of the demo with its first example.

    Args:
        window: width and height of the browser's window.
        whole: show the page down to its end.
    """
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ctal", "demo", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        with sync_playwright() as driver:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = driver.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
            )
            page = browser.new_page(viewport={"width": window[0], "height": window[1]})
            page.set_default_timeout(180_000)
            page.goto(address, wait_until="domcontentloaded")
            page.wait_for_function(
                """() => [...document.querySelectorAll(".ctal-image")].filter(
                    e => e.querySelector("img")?.naturalWidth > 0).length >= 4"""
            )
            page.wait_for_timeout(3000)  # until the layout is final
            content = page.screenshot(full_page=whole)
            browser.close()
        return Image.open(io.BytesIO(content)).convert("RGB")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def below_each_other(images: Sequence[Image.Image]) -> Image.Image:
    """Join images of one width."""
    joined = Image.new("RGB", (images[0].width, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        joined.paste(image, (0, top))
        top += image.height
    return joined


def write(image: Image.Image, path: Path) -> None:
    """Write an image, at most `WIDTH` wide and `HEIGHT` high."""
    scale = min(WIDTH / image.width, HEIGHT / image.height)
    if scale < 1:
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=QUALITY, subsampling=0, optimize=True)  # 0: text stays sharp
    print(f"{path}: {image.width} x {image.height}, {path.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
