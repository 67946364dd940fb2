"""Generator of Rooms: reproducible rooms, valid arrangement, exact ground truth."""

import numpy as np
import pytest

pytest.importorskip("mitsuba", reason="Rooms are rendered by Mitsuba (extra `render`)")

from tools.rooms import camera, files, views
from tools.rooms.groups import furnish
from tools.rooms.parts import CLASSES, Item, overlap, plain
from tools.rooms.render import Scene
from tools.rooms.rounds import blade, cushion, lathe, tube
from tools.rooms.shapes import box, panel, turn_z

SCENES = (0, 1, 2, 3, 4)  # one of each kind of room
SIZE = (24, 32)


@pytest.fixture(scope="module")
def rooms():
    return {scene: furnish(scene) for scene in SCENES}


@pytest.fixture(scope="module")
def studio(rooms):
    return rooms[4], Scene.of(rooms[4])


@pytest.fixture(scope="module")
def empty():
    """Return an empty room of 4 x 6 x 3 m."""
    item = Item("room")
    grey = plain([0.7, 0.7, 0.7])
    item.add("floor", grey, box((-0.1, -0.1, -0.1), (4.1, 6.1, 0.0)))
    item.add("ceiling", grey, box((-0.1, -0.1, 3.0), (4.1, 6.1, 3.1)))
    item.add("wall", grey, box((-0.1, 0, 0), (0, 6, 3)), box((4, 0, 0), (4.1, 6, 3)))
    item.add("wall", grey, box((0, -0.1, 0), (4, 0, 3)), box((0, 6, 0), (4, 6.1, 3)))
    lamp = panel(1.0, 1.0).moved(np.eye(3), np.array([2.0, 0.01, 1.5]))
    item.add("lamp", plain([1, 1, 1], emission=5.0), lamp)
    return Scene(item.parts)


def test_same_seed_same_room(rooms):
    assert furnish(2).digest() == rooms[2].digest()
    assert len({room.digest() for room in rooms.values()}) == len(SCENES)


def test_rooms_are_furnished(rooms):
    for room in rooms.values():
        seen = {CLASSES[part.label] for part in room.parts()}
        assert {"wall", "floor", "ceiling", "window", "door", "lamp", "picture", "plant"} <= seen
        assert len(room.items) > 15


def test_no_two_items_intersect(rooms):
    for room in rooms.values():
        for i, item in enumerate(room.items):
            for other in room.items[i + 1 :]:
                assert not overlap(item.boxes(), other.boxes(), -2e-3), (item.name, other.name)


def test_items_are_inside_the_room(rooms):
    for room in rooms.values():
        for item in room.items:
            low, high = item.bounds()
            assert (low > -0.05).all(), item.name
            assert (high < room.size + 0.05).all(), item.name


def test_cameras_keep_away_from_furniture(rooms):
    rng = np.random.default_rng(0)
    for room in rooms.values():
        for _ in range(20):
            spot = camera.draw(rng, room).position
            assert (spot > 0.3).all()
            assert (spot < room.size - 0.3).all()
            for item in room.items:
                low, high = item.bounds()
                assert (np.maximum(low - spot, spot - high)).max() > 0.25, item.name


def test_wall_straight_ahead(empty):
    view = camera.aimed(np.array([2.0, 2.5, 1.5]), yaw=90, pitch=0, roll=0, fov=60)
    depth, normals, labels = empty.truth(view, 8, 6)
    np.testing.assert_allclose(depth, 3.5, atol=1e-5)
    np.testing.assert_allclose(normals, np.broadcast_to([0, 0, -1], (6, 8, 3)), atol=1e-6)
    assert (labels == CLASSES.index("wall")).all()


def test_floor_under_a_pitched_camera(empty):
    pitch = 40.0
    view = camera.aimed(np.array([2.0, 1.0, 1.5]), yaw=90, pitch=-pitch, roll=0, fov=30)
    depth, normals, labels = empty.truth(view, 9, 7)
    assert (labels == CLASSES.index("floor")).all()
    c, s = np.cos(np.deg2rad(pitch)), np.sin(np.deg2rad(pitch))
    np.testing.assert_allclose(normals, np.broadcast_to([0, -c, -s], (7, 9, 3)), atol=1e-6)
    # the middle pixel looks along the axis: height 1.5 = depth * sin(pitch)
    assert depth[3, 4] == pytest.approx(1.5 / s, rel=1e-5)


def test_axes_of_the_image():
    """An object to the left of and above the optical axis is at the top left of the image."""
    item = Item("room")
    item.add("wall", plain([0.5] * 3), box((-9, 3, -9), (9, 3.1, 9)))
    item.add("lamp", plain([1] * 3, emission=5.0), box((-0.6, 2.5, 0.2), (-0.2, 2.6, 0.5)))
    scene, view = Scene(item.parts), camera.aimed(np.zeros(3), 90, 0, 0, 60)
    _, _, labels = scene.truth(view, 32, 24)
    rows, columns = np.nonzero(labels == CLASSES.index("lamp"))
    assert rows.max() < 11.5
    assert columns.max() < 15.5
    bright = scene.radiance(view, 32, 24, 12, 0).mean((0, 3)) > 2.0
    assert (bright == (labels == CLASSES.index("lamp"))).mean() > 0.97


@pytest.mark.parametrize(
    "mesh",
    [
        box((0, 0, 0), (1, 2, 3)),
        lathe([(0, 0), (0.5, 0), (0.3, 1), (0, 1)]),
        tube((0, 0, 0), (1, 1, 1), 0.1),
        cushion((0, 0, 0), (1, 2, 0.5)),
        blade(np.zeros(3), 0.3, 0.4, 0.1, 1.0),
    ],
)
def test_the_winding_of_meshes_agrees_with_their_normals(mesh):
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    flat = np.cross(b - a, c - a)
    big = np.linalg.norm(flat, axis=1) > 1e-9
    side = (flat * mesh.normals[mesh.faces].mean(1)).sum(1)[big]
    assert (np.sign(side) == np.sign(side[0])).mean() > 0.99


def test_moved_items_keep_their_relative_position():
    table = Item("table", surfaces=[np.array([0, 0, 0.7, 0.6, 0.3])])
    table.add("table", plain([0.5] * 3), box((-0.6, -0.3, 0), (0.6, 0.3, 0.7)))
    placed = table.moved(90, (1, 2, 0)).moved(90, (0, 0, 0))
    cup = Item("cup")
    cup.add("clutter", plain([0.5] * 3), box((0.4, 0.1, 0.7), (0.5, 0.2, 0.8)))
    expected = cup.parts[0].mesh.moved(turn_z(180), placed.origin).bounds()
    np.testing.assert_allclose(cup.follow(placed).bounds(), expected, atol=1e-12)
    np.testing.assert_allclose(placed.surfaces[0][3:], [0.6, 0.3], atol=1e-12)


def test_chosen_views_meet_the_criteria(studio):
    room, scene = studio
    chosen = views.choose(scene, room, 4, 4)
    again = views.choose(scene, room, 4, 4)
    for view, same in zip(chosen, again, strict=True):
        np.testing.assert_array_equal(view.position, same.position)
        depth, _, labels = scene.truth(view, 32, 24)
        assert depth.min() > 0.3
        assert len(np.unique(labels)) >= 5


def test_a_view_is_reproducible_and_written_completely(studio, tmp_path):
    room, scene = studio
    view = views.choose(scene, room, 4, 1)[0]
    shot, same = (views.shoot(scene, view, SIZE, 12, seed=7) for _ in range(2))
    np.testing.assert_array_equal(shot.image, same.image)
    assert shot.image.shape == (*SIZE, 3)
    assert 30 < shot.image.mean() < 220
    facing = (shot.normals * view.rays(SIZE[1], SIZE[0])).sum(-1)
    assert facing.max() <= 0
    files.write_view(tmp_path, "train", "0004_0", shot)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert found == [
        "train/depth/0004_0.png",
        "train/image/0004_0.jpg",
        "train/normals/0004_0.npz",
        "train/semseg/0004_0.png",
    ]
