"""Rendering of one scene, the unit of work of a process.

It is not in ``__main__``, which a spawned process cannot import.
"""

from __future__ import annotations

from pathlib import Path

import drjit

from tools.rooms import files, views
from tools.rooms.groups import furnish
from tools.rooms.render import Scene

HEIGHT, WIDTH = 96, 128


def make_scene(
    scene: int, split: str, out: Path, count: int, spp: int
) -> dict[str, dict[str, float | str]]:
    """Render the missing views of a scene.

    Args:
        scene: the number of the scene, which is also its seed.
        split: train, val or test.
        out: folder of the dataset.
        count: number of views.
        spp: samples per pixel.

    Returns:
        The split and the intrinsics (in pixels) of every view, by the view's name.
    """
    drjit.set_thread_count(1)  # scenes run in parallel processes
    room = furnish(scene)
    loaded = Scene.of(room)
    cameras: dict[str, dict[str, float | str]] = {}
    for i, camera in enumerate(views.choose(loaded, room, scene, count)):
        name = f"{scene:04d}_{i}"
        cameras[name] = {"split": split, **camera.intrinsics(WIDTH, HEIGHT)}
        if not files.paths(out, split, name)["image"].exists():
            seed = 1000 * scene + 10 * i
            view = views.shoot(loaded, camera, (HEIGHT, WIDTH), spp, seed)
            files.write_view(out, split, name, view)
    return cameras
