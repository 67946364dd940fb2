import pytest
import torch
from torchvision.tv_tensors import Image

from ctal.data_commands.sheet import chosen, contact_sheet
from ctal.maps import DepthMap
from ctal.tasks import Depth


def test_samples_are_evenly_spaced_or_random():
    assert chosen(9, 3, None) == [0, 4, 8]
    assert chosen(2, 5, None) == [0, 1]
    assert chosen(100, 1, None) == [0]
    drawn = chosen(100, 5, 1)
    assert drawn == sorted(set(drawn)) == chosen(100, 5, 1)
    assert len(drawn) == 5
    assert drawn != chosen(100, 5, 2)


@pytest.mark.parametrize("missing", [False, True])
def test_a_column_of_numbers_has_one_range(missing):
    picture = Image(torch.zeros(3, 256, 256))
    near, far = DepthMap(torch.full((1, 256, 256), 1.0)), DepthMap(torch.full((1, 256, 256), 5.0))
    samples = {"a": {"image": picture, "depth": near}, "b": {"image": picture, "depth": far}}
    if missing:
        del samples["b"]["depth"]
    sheet = contact_sheet([Depth()], samples)
    ends = DepthMap(torch.tensor([[[1.0, 5.0]]]))
    yellow, violet = Depth().visualize(ends).unbind(-1)
    # the middle of the right half of each row
    column, rows = 3 * sheet.shape[2] // 4, (sheet.shape[1] // 4 + 20, 3 * sheet.shape[1] // 4 + 60)
    assert sheet[:, rows[0], column].tolist() == yellow.flatten().tolist()
    # beside the text "no map"
    wanted = [255] * 3 if missing else violet.flatten().tolist()
    assert sheet[:, rows[1], column].tolist() == wanted


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (1000, "100 % labelled"),
        (999, ">99 % labelled, rest black"),
        (250, "25 % labelled, rest black"),
        (0, "no label"),
    ],
)
def test_a_column_says_how_many_pixels_have_a_label(known, text, monkeypatch):
    depth = torch.full((1, 20, 50), torch.nan)
    depth.view(-1)[:known] = 2.0
    samples = {"a": {"image": Image(torch.zeros(3, 20, 50)), "depth": DepthMap(depth)}}
    seen = []
    monkeypatch.setattr(
        "ctal.data_commands.sheet.panel", lambda rows, titles, *rest: seen.append(titles)
    )
    contact_sheet([Depth()], samples)
    assert seen[0][1] == f"Depth\n{text}"
