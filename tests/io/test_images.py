import io

import numpy as np
import pytest
import torch
from PIL import Image

from ctal.errors import InputError, UnreadableError
from ctal.io import images as reading
from ctal.io.images import as_rgb, read_image, to_rgb

GREEN, WHITE = (0, 255, 0), (255, 255, 255)


def colour(picture, y, x):
    return tuple(picture[:, y, x].tolist())


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, WHITE),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("RGBA", (0, 255, 0, 255), GREEN),
        ("RGBA", (0, 255, 0, 0), WHITE),
        ("LA", (0, 0), WHITE),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("I;16", 65535, WHITE),
        ("I;16", 257 * 77, (77, 77, 77)),
        ("I", 257 * 77, (77, 77, 77)),
        ("F", 1.0, WHITE),
    ],
)
def test_every_mode_is_converted_to_rgb(mode, value, expected):
    picture = to_rgb(Image.new(mode, (3, 2), value))
    assert (picture.shape, picture.dtype) == ((3, 2, 3), torch.uint8)
    assert colour(picture, 1, 2) == expected


def test_transparent_pixels_are_composed_over_white():
    picture = to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 128)))
    assert colour(picture, 0, 0) == (127, 127, 127)


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "clear.png", transparency=0)
    assert colour(read_image(tmp_path / "plain.png"), 0, 0) == (255, 0, 0)
    assert colour(read_image(tmp_path / "clear.png"), 0, 0) == WHITE
    assert colour(read_image(tmp_path / "clear.png"), 0, 1) == GREEN


def test_a_16_bit_file_is_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 256 * 50, 65535]], dtype=np.uint16)
    for name in ("grey.png", "grey.tif"):
        Image.fromarray(values).save(tmp_path / name)
        assert read_image(tmp_path / name)[0].tolist() == [[0, 50, 255]]


def test_the_exif_orientation_is_applied(tmp_path):
    # orientation 6: the camera stored the scene rotated, its top is the right column of the file
    stored = Image.new("RGB", (6, 4), "black")
    stored.paste("white", (5, 0, 6, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "turned.png", exif=exif)
    picture = read_image(tmp_path / "turned.png")
    # its left column becomes the top row when rotated by 90 degrees clockwise
    assert picture.shape == (3, 6, 4)
    assert picture[0, 5].tolist() == [255] * 4
    assert picture[0, :5].max() == 0


@pytest.mark.parametrize("value", [-1.0, 2.0, float("nan")])
def test_floats_of_unknown_range_are_refused(value):
    with pytest.raises(InputError, match=r"expected gray values in 0\.\.1 \(mode F\)"):
        to_rgb(Image.new("F", (2, 2), value))


class TestUnreadable:
    def test_missing(self, tmp_path):
        with pytest.raises(InputError, match=r"none\.png: file not found"):
            read_image(tmp_path / "none.png")

    def test_text(self, tmp_path):
        (tmp_path / "text.png").write_text("text")
        with pytest.raises(
            InputError, match=r"text\.png: .*unknown format\); PNG, JPEG, .* are supported"
        ):
            read_image(tmp_path / "text.png")

    def test_truncated(self, tmp_path):
        noise = torch.randint(0, 256, (64, 64, 3), dtype=torch.uint8).numpy()
        for name in ("cut.jpg", "cut.png"):
            Image.fromarray(noise).save(tmp_path / name)
            data = (tmp_path / name).read_bytes()
            (tmp_path / name).write_bytes(data[: len(data) // 2])
            with pytest.raises(InputError, match=f"{name}: cannot be read as an image"):
                read_image(tmp_path / name)

    def test_bomb(self, tmp_path, monkeypatch):
        Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
        monkeypatch.setattr(reading, "MAX_PIXELS", 1000)
        with pytest.raises(
            InputError, match=r"bomb\.png: .*100x100 pixels are more than 1000; crop or resize it"
        ) as caught:
            read_image(tmp_path / "bomb.png")
        assert "\n" not in str(caught.value)

    def test_no_pixels(self):
        with pytest.raises(InputError, match="0x4 pixels"):
            to_rgb(Image.new("RGB", (0, 4)))


def test_arrays_of_other_libraries_are_accepted():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    pixels.setflags(write=False)
    turned = pixels[:, :, ::-1].transpose(2, 0, 1)  # OpenCV's BGR, channels last
    assert as_rgb(turned).tolist() == turned.tolist()


def test_an_array_of_foreign_byte_order_is_accepted():
    values = np.linspace(0, 1, 12, dtype=">f4").reshape(3, 2, 2)
    assert as_rgb(values).tolist() == values.tolist()


def test_a_truncated_pil_image_is_refused(tmp_path):
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(whole, "JPEG")
    (tmp_path / "a.jpg").write_bytes(whole.getvalue()[:1000])
    with pytest.raises(UnreadableError, match="image: cannot be decoded"):
        as_rgb(Image.open(tmp_path / "a.jpg"))


@pytest.mark.parametrize("kind", [np.uint16, np.int64, np.uint64, np.bool_])
def test_an_array_of_another_data_type_is_refused(kind):
    with pytest.raises(InputError, match=r"uint8 or floating-point values .* in 0\.\.1$"):
        as_rgb(np.eye(3, dtype=kind)[None].repeat(3, 0))


@pytest.mark.parametrize("image", [np.full((3, 2, 2), "a"), [[1, 2]], None])
def test_other_types_are_refused(image):
    with pytest.raises(InputError, match="image: expected a path, a PIL image, or a tensor"):
        as_rgb(image)
