from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctal.inference.tiling import _starts, can_tile, tile_strips


@given(side=st.integers(1, 40), more=st.integers(0, 300))
def test_tiles_cover_a_length_with_their_overlap(side, more):
    length = side + more
    starts = _starts(length, side)
    assert starts[0] == 0
    assert starts[-1] == length - side
    steps = [b - a for a, b in pairwise(starts)]
    assert all(0 < step <= max(1, side - side // 4) for step in steps)


@given(
    H=st.integers(8, 60),
    W=st.integers(12, 60),
    batch_size=st.integers(1, 5),
)
def test_tiles_of_a_pixelwise_network_are_merged_exactly(H, W, batch_size):
    pixels = torch.rand(3, H, W)

    def run(images):
        assert images.shape[1:] == (3, 8, 12)
        assert len(images) <= batch_size
        return {"a": images * 2, "b": images[:, :1]}

    strips = list(tile_strips(run, pixels, (8, 12), batch_size))
    assert [rows.start for rows, _ in strips] == [0, *(rows.stop for rows, _ in strips[:-1])]
    assert strips[-1][0].stop == H
    for name, expected in (("a", 2 * pixels), ("b", pixels[:1])):
        found = torch.cat([raw[name] for _, raw in strips], dim=2)[0]
        torch.testing.assert_close(found, expected)


def test_one_tile_fades_into_the_next():
    # 0 in the left tile, 1 in the right one: the result increases between them, constant elsewhere
    answers = iter([0.0, 1.0])

    def run(images):
        return {"a": torch.full((1, 1, 8, 16), next(answers))}

    ((_, raw),) = tile_strips(run, torch.rand(3, 8, 28), (8, 16), 1)
    line = raw["a"][0, 0, 3]
    assert (line[:12] == 0).all()
    assert (line[16:] == 1).all()
    torch.testing.assert_close(line[12:16], torch.tensor([0.125, 0.375, 0.625, 0.875]))


@pytest.mark.parametrize(
    ("size", "expected"), [((32, 48), False), ((33, 48), True), ((31, 99), False)]
)
def test_can_tile(size, expected):
    assert can_tile(size, (32, 48)) is expected
