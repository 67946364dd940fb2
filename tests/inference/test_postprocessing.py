import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctal.inference import postprocessing as restoring
from ctal.inference.postprocessing import resize_raw, resized_strips


@given(
    h=st.integers(1, 12),
    w=st.integers(1, 12),
    more=st.integers(0, 90),
    W=st.integers(1, 50),
    strip=st.integers(1, 400),
)
def test_strips_equal_the_whole_map(h, w, more, W, strip):
    raw = {"a": torch.randn(1, 2, h, w), "b": torch.randn(1, 1, h, w)}
    size = (h + more, W)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "LARGE", 0)
        patch.setattr(restoring, "_STRIP", strip)
        strips = list(resized_strips(raw, size))
    assert max(rows.stop - rows.start for rows, _ in strips) <= max(1, strip // W)
    for name, maps in raw.items():
        found = torch.cat([part[name] for _, part in strips], dim=2)
        torch.testing.assert_close(found, resize_raw(maps, size), atol=1e-5, rtol=1e-5)


def test_a_single_column():
    raw = torch.tensor([[0.0, 0.0], [4.0, 4.0]])[None, None]
    torch.testing.assert_close(resize_raw(raw, (4, 1)).flatten(), torch.tensor([0.0, 1, 3, 4]))
    assert resize_raw(raw, (1, 1)).item() == 2


def test_reduced_maps_are_not_split():
    raw = {"a": torch.randn(1, 2, 40, 10)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring, "LARGE", 0)
        ((rows, part),) = resized_strips(raw, (30, 60))
    assert rows == slice(0, 30)
    torch.testing.assert_close(part["a"], resize_raw(raw["a"], (30, 60)))
