"""Groups of furniture, and the groups of each kind of room."""

from __future__ import annotations

import numpy as np

from tools.rooms import decor, furniture, lamps, seating
from tools.rooms.layout import SEED, Plan
from tools.rooms.parts import Item, Room
from tools.rooms.shell import floor_rug


def dress(plan: Plan, item: Item, count: int, lamp: float = 0.2, green: float = 0.15) -> None:
    """Add up to ``count`` small objects to an item; lamps and plants by probability."""
    rng, look = plan.rng, plan.look
    for _ in range(count):
        chance = rng.random()
        if chance < lamp:
            plan.on_top(lamps.table_lamp(rng, look), item)
        elif chance < lamp + green:
            plan.on_top(decor.plant(rng, look, float(rng.uniform(0.25, 0.45))), item)
        else:
            plan.on_top(decor.small_thing(rng, look, float(rng.uniform(0.8, 1.3))), item)


def fill_shelf(plan: Plan, item: Item) -> None:
    """Fill the boards of a shelf with books and small objects."""
    rng, look = plan.rng, plan.look
    for i, surface in enumerate(item.surfaces):
        half = float(max(surface[3:]))
        if rng.random() < 0.7:
            row = decor.books(rng, look, half * float(rng.uniform(0.7, 1.7)), 0.28)
            if row.parts:
                plan.on_top(row, item, i)
        for _ in range(2):
            plan.on_top(decor.small_thing(rng, look, 0.7), item, i)


def bed(plan: Plan) -> None:
    """Add a bed with its head at the wall and a nightstand next to it."""
    rng, look = plan.rng, plan.look
    placed = plan.by_wall(seating.bed(rng, look), tries=60)
    for side in (-1, 1):
        if placed and rng.random() < 0.8:
            stand = furniture.cabinet(rng, look, 0.45, 0.4, float(rng.uniform(0.45, 0.6)))
            x = side * (float(np.ptp(placed.boxes()[0, :, int(placed.turn // 90) % 2])) / 2 + 0.33)
            found = stand.moved(0.0, (x, -0.8, 0.0)).follow(placed)
            if plan.add(found):
                dress(plan, found, 2, lamp=0.6)


def sofa(plan: Plan) -> None:
    """Add a sofa at the wall, a low table in front of it, a rug, and perhaps an armchair."""
    rng, look = plan.rng, plan.look
    cloth, seats = look.cloth, int(rng.integers(2, 4))
    big = plan.by_wall(seating.sofa(rng, look, seats, cloth), tries=60)
    if big is None:
        return
    w, d = float(rng.uniform(0.7, 1.1)), float(rng.uniform(0.5, 0.65))
    low = furniture.table(rng, look, w, d, 0.42)
    coffee = low.moved(0.0, (0.0, float(rng.uniform(1.05, 1.25)), 0.0)).follow(big)
    spot = coffee.origin
    if rng.random() < 0.65:
        room = 2 * np.minimum(spot[:2], plan.size[:2] - spot[:2]) - 0.1
        width, depth = np.minimum(rng.uniform(1.4, 2.2, 2), room)
        plan.shell.append(floor_rug(rng, look, float(width), float(depth)).moved(0.0, spot))
    if plan.add(coffee):
        dress(plan, coffee, 4, lamp=0.0)
    if rng.random() < 0.6:
        chair = seating.sofa(rng, look, 1, look.second_cloth if rng.random() < 0.5 else cloth)
        plan.open_floor(chair)


def dining(plan: Plan) -> None:
    """Add a table with chairs around it, their seats partly under the top."""
    rng, look = plan.rng, plan.look
    w, d = float(rng.uniform(0.9, 1.8)), float(rng.uniform(0.8, 0.95))
    board = furniture.table(rng, look, w, d, float(rng.uniform(0.72, 0.77)))
    turn = float(rng.choice([0.0, 90.0]))
    for _ in range(40):
        x, y = rng.uniform(1.0, np.maximum(plan.size[:2] - 1.0, 1.01))
        placed = board.moved(turn, (x, y, 0.0))
        if plan.add(placed, margin=0.3):
            break
    else:
        return
    wood, style = look.wooden(), int(rng.integers(4))
    places = (-w / 4, w / 4) if w > 1.2 else (0.0,)
    seats = [(along, side) for side in (-1, 1) for along in places]
    for along, side in seats:
        chair = seating.chair(rng, look, wood, look.second_cloth, style)
        back = side * (d / 2 + float(rng.uniform(0.1, 0.35)))
        facing = (180.0 if side > 0 else 0.0) + float(rng.normal(0, 6))
        around = chair.moved(facing, (along, back, 0)).moved(turn, (x, y, 0.0))
        plan.add(around, loose=True, margin=0.0)
    dress(plan, placed, 5, lamp=0.05)


def desk(plan: Plan) -> None:
    """Add a desk at the wall with a screen, a lamp and a chair."""
    rng, look = plan.rng, plan.look
    w, d = float(rng.uniform(1.1, 1.6)), float(rng.uniform(0.6, 0.75))
    board = furniture.table(rng, look, w, d, 0.74)
    chair = seating.chair(rng, look, look.wooden(), look.cloth, int(rng.choice([0, 2, 3, 4, 4])))
    turn, aside = 180.0 + float(rng.normal(0, 18)), float(rng.normal(0, 0.08))
    sitting = chair.moved(turn, (aside, d / 2 + 0.22, 0.0))
    screen = decor.screen(look, float(rng.uniform(0.45, 0.65)))
    screen = screen.moved(0.0, (0.0, -d / 2 + 0.16, 0.741))
    placed = plan.by_wall(board, tries=60)
    if placed is None:
        return
    plan.add(screen.follow(placed), margin=-1e-4)
    plan.add(sitting.follow(placed), loose=True, margin=0.0)
    dress(plan, placed, 4, lamp=0.35)


def storage(plan: Plan) -> None:
    """Add a wardrobe, sideboard, chest, low cabinet with a television, or bookcase."""
    rng, look = plan.rng, plan.look
    kind = rng.integers(4)
    if kind == 0:
        w, h = float(rng.uniform(0.8, 1.6)), float(rng.uniform(1.8, 2.1))
        plan.by_wall(furniture.cabinet(rng, look, w, 0.58, h))
    elif kind == 1:
        w, h = float(rng.uniform(0.6, 1.2)), float(rng.uniform(1.1, 2.0))
        if item := plan.by_wall(furniture.shelf(rng, look, w, h)):
            fill_shelf(plan, item)
    else:
        height = 0.5 if kind == 2 else float(rng.uniform(0.75, 1.1))
        w = float(rng.uniform(0.8, 1.5))
        item = plan.by_wall(furniture.cabinet(rng, look, w, 0.42, height))
        if item:
            if kind == 2:
                plan.on_top(decor.screen(look, 0.85), item)
            dress(plan, item, 3)


def finish(plan: Plan) -> None:
    """Add lamps, plants, pictures, wall shelves and clutter, for every kind of room."""
    rng, look, (w, d, h) = plan.rng, plan.look, plan.size
    hanging = lamps.ceiling_lamp(rng, look, float(h) - 1e-3)
    turn = float(rng.uniform(0, 72))
    plan.add(hanging.moved(turn, (w / 2 + rng.normal(0, 0.2), d / 2 + rng.normal(0, 0.2), 0.0)))
    for _ in range(int(rng.integers(1, 3))):
        plan.by_wall(lamps.floor_lamp(rng, look))
    for _ in range(int(rng.integers(2, 5))):
        plan.by_wall(decor.plant(rng, look, float(rng.uniform(0.8, 1.7))))
    if rng.random() < 0.5:
        rack = furniture.shelf(rng, look, float(rng.uniform(0.6, 1.0)), 0.4, 0.22)
        if item := plan.by_wall(rack, z=float(rng.uniform(1.35, 1.5))):
            fill_shelf(plan, item)
    for _ in range(int(rng.integers(4, 9))):
        size = rng.uniform(0.35, 0.95, 2)
        art = decor.picture(rng, look, float(size[0]), float(size[1]))
        plan.by_wall(art, z=float(rng.uniform(1.45, 1.65)))
    for _ in range(int(rng.integers(2, 7))):
        plan.open_floor(decor.small_thing(rng, look, float(rng.uniform(1.2, 2.2))))


GROUPS = {
    "bedroom": (bed, storage, desk, storage),
    "living": (sofa, storage, storage, dining),
    "dining": (dining, storage, storage, sofa),
    "study": (desk, storage, sofa, storage),
    "studio": (bed, sofa, dining, storage, storage),
}


def furnish(scene: int) -> Room:
    """Generate the room of a scene number, which is deterministic."""
    kind = list(GROUPS)[scene % len(GROUPS)]
    plan = Plan(np.random.default_rng([SEED, scene]), kind)
    for group in GROUPS[kind]:
        group(plan)
    finish(plan)
    return plan.room()
