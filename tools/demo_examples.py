"""Rendered examples of `ctal demo`: bright, sharp images of rooms of the test split of Rooms.

`python -m tools.demo_examples` writes src/ctal/demo/examples/. It requires Mitsuba (extra `render`)
and takes about a minute per image on one CPU core. The rooms and cameras are those of Rooms, with
a ceiling light in addition, nine times the pixels and a longer exposure.
"""

from __future__ import annotations

from pathlib import Path

import drjit
import numpy as np
from PIL import Image

from tools.rooms import views
from tools.rooms.denoise import denoise
from tools.rooms.groups import furnish
from tools.rooms.parts import Item, Room, plain
from tools.rooms.render import Scene
from tools.rooms.shapes import box

FOLDER = Path(__file__).parents[1] / "src" / "ctal" / "demo" / "examples"
HEIGHT, WIDTH = 288, 384
SAMPLES = 36  # per pixel
EXPOSURE = 1.35  # relative to the images of Rooms
LIGHT, RADIANCE = 0.8, 9.0  # side of the ceiling light in meters, and its radiance
EXAMPLES = ((107, 1), (109, 1))
"""Scene and view of each image."""


def main() -> None:
    """Render the images."""
    drjit.set_thread_count(1)
    FOLDER.mkdir(exist_ok=True)
    for scene, view in EXAMPLES:
        path = FOLDER / f"room_{scene:04d}_{view}.jpg"
        Image.fromarray(render(scene, view)).save(path, quality=90)
        print(path)


def render(scene: int, view: int) -> np.typing.NDArray[np.uint8]:
    """Render a view of a room, (HEIGHT, WIDTH, 3) sRGB."""
    room = furnish(scene)
    camera = views.choose(Scene.of(room), room, scene, view + 1)[view]
    lit = Scene([*room.parts(), *ceiling_light(room).parts], room.sun)
    depth, normals, _ = lit.truth(camera, WIDTH, HEIGHT)
    buffers = lit.radiance(camera, WIDTH, HEIGHT, SAMPLES, seed=1000 * scene + 10 * view)
    points = camera.rays(WIDTH, HEIGHT) * depth[..., None]
    clean = denoise(buffers, lit.albedo(camera, WIDTH, HEIGHT), normals, points)
    return views.expose(clean, EXPOSURE)


def ceiling_light(room: Room) -> Item:
    """Make a flat light in the middle of the ceiling."""
    x, y, top = room.size
    half = LIGHT / 2
    item = Item("ceiling light")
    low, high = (x / 2 - half, y / 2 - half, top - 0.03), (x / 2 + half, y / 2 + half, top - 0.005)
    item.add("lamp", plain([1.0, 0.97, 0.92], emission=RADIANCE), box(low, high))
    return item


if __name__ == "__main__":
    main()
