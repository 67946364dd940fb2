import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from ctal.errors import InputError
from ctal.tasks.keys import ClassKey
from ctal.visualization.panels import GRAY, error_image, panel, save_png


def plain(colour, height=96, width=128):
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, height, width)


def area(picture, colour):
    """Count the pixels of a color."""
    return int((picture == torch.tensor(colour, dtype=torch.uint8)[:, None, None]).all(0).sum())


class TestPanel:
    def test_small_images_are_enlarged_and_keep_their_order(self):
        red, green, blue = plain((255, 0, 0)), plain((0, 255, 0)), plain((0, 0, 255))
        result = panel([[red, green], [blue, None]], ["a", "b"])
        assert result.dtype == torch.uint8
        assert [area(result, c) for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255))] == [192 * 256] * 3
        first_row = result[:, result.shape[1] // 3]
        assert (first_row[0] == 255).nonzero()[0] < (first_row[1] == 255).nonzero()[-1]

    def test_small_images_are_not_smoothed(self):
        picture = torch.randint(0, 2, (3, 32, 64), dtype=torch.uint8) * 255
        result = panel([[picture]], ["title"])
        top, left = result.shape[1] - 6 - 128, 6
        enlarged = picture.repeat_interleave(4, 1).repeat_interleave(4, 2)
        assert torch.equal(result[:, top : top + 128, left : left + 256], enlarged)

    def test_large_images_are_reduced(self):
        result = panel([[plain((0, 200, 0), 1000, 1600)]], ["title"])
        assert area(result, (0, 200, 0)) == 400 * 640
        result = panel([[plain((0, 200, 0), 5000, 2)]], ["title"])
        assert area(result, (0, 200, 0)) == 640 * 1

    def test_keys_are_below_their_columns(self):
        green = plain((0, 200, 0))
        keys = [None, ClassKey([("#ff0000", "wall", None), ("#0000ff", "lamp", None)])]
        bare, result = (
            panel([[green, green]], ["", ""]),
            panel([[green, green]], ["", ""], keys=keys),
        )
        assert torch.equal(result[:, : bare.shape[1]], bare)
        below = result[:, bare.shape[1] :]
        assert below.shape[1] > 10
        assert below[:, :, : 6 + 256].eq(255).all()  # the first column has no key
        for colour in ((255, 0, 0), (0, 0, 255)):
            assert area(below, colour) > 50

    def test_titles_of_columns_and_rows(self):
        picture = plain((255, 0, 0))
        bare, titled = panel([[picture]], [""]), panel([[picture]], ["depth [m]"])
        assert bare.shape == titled.shape
        ink = (titled != bare).any(0).nonzero()
        assert len(ink) > 50
        assert ink[:, 0].max() < bare.shape[1] - 192 - 6
        beside = panel([[picture]], [""], ["ground truth"])
        dark = (beside[0] < 100).nonzero()
        assert len(dark) > 50
        assert dark[:, 1].max() < beside.shape[2] - 256 - 6

    def test_a_text_cell(self):
        red = plain((255, 0, 0))
        result = panel([[red, "mean error\n0.25"]], ["", ""])
        ink = (result[0] < 100).nonzero()
        assert len(ink) > 50
        assert ink[:, 1].min() > 6 + 256
        assert ink[:, 0].min() > result.shape[1] - 192

    def test_a_long_title_stays_within_its_column(self):
        picture = plain((255, 0, 0))
        result = panel([[picture, picture]], ["semantic segmentation, 0 to 12", ""])
        dark = (result[0] < 100).nonzero()
        assert dark[:, 1].min() >= 6
        assert dark[:, 1].max() < 6 + 256

    def test_matplotlib_settings_are_unchanged(self):
        before = matplotlib.get_backend()
        panel([[plain((1, 2, 3))]], ["title"])
        assert matplotlib.get_backend() == before


class TestErrorPicture:
    def test_error_scale_and_unlabelled_pixels(self):
        result = error_image(torch.tensor([[0.0, 2.0, 9.0, torch.nan, 1.0]]), limit=2.0)
        inferno = matplotlib.colormaps["inferno"]
        expected = [inferno(v, bytes=True)[:3] for v in (0.0, 1.0, 1.0)]
        assert result.shape == (3, 1, 5)
        assert result[:, 0, :3].T.tolist() == [[int(v) for v in colour] for colour in expected]
        assert result[:, 0, 3].tolist() == [GRAY] * 3
        assert result[:, 0, 0].sum() < result[:, 0, 4].sum() < result[:, 0, 1].sum()


class TestSavePng:
    def test_a_saved_png_is_read_back(self, tmp_path):
        picture = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
        save_png(picture, tmp_path / "new" / "picture.png")
        read = np.asarray(Image.open(tmp_path / "new" / "picture.png"))
        assert np.array_equal(read, picture.permute(1, 2, 0).numpy())
        assert [file.name for file in (tmp_path / "new").iterdir()] == ["picture.png"]

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match=r"file/picture\.png: cannot be written \("):
            save_png(plain((0, 0, 0)), tmp_path / "file" / "picture.png")
