"""Images with an embedded profile have the colors of image viewers."""

import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from ctal.data.array_files import read_float_image
from ctal.io.color import to_srgb
from ctal.io.images import as_rgb, read_image

COLORS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def swapped_profile():
    """Return sRGB with red and blue exchanged: its pixels (b, g, r) look like (r, g, b)."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(content[128:132], "big")
    tags = {bytes(content[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    content[red : red + 4], content[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(content)


def linear_gray_profile():
    """Return a gray profile (ICC.1, version 2) whose values are proportional to luminance."""
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)  # D50
    curve = struct.pack(">4sIIHxx", b"curv", 0, 1, 256)  # gamma 1.0
    text = b"text" + bytes(4) + b"none\0".ljust(8, b"\0")
    desc = b"desc" + bytes(4) + struct.pack(">I", 5) + b"gray\0" + bytes(79)
    tags, table, offset = [], b"", 128 + 4 + 4 * 12
    for name, content in ((b"wtpt", white), (b"kTRC", curve), (b"cprt", text), (b"desc", desc)):
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset, len(content))
        tags.append(content)
        offset += len(content)
    head = struct.pack(">I4sI4s4s4s", offset, bytes(4), 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", 4) + table + b"".join(tags)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_a_profile_is_applied_by_every_reader(tmp_path, name):
    blocks = np.kron(COLORS, np.ones((16, 16, 1), np.uint8))
    stored = Image.fromarray(blocks[..., ::-1].copy())
    options = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {}
    options |= {"lossless": True} if name == "a.webp" else {}
    stored.save(tmp_path / name, icc_profile=swapped_profile(), **options)
    expected = torch.from_numpy(blocks.transpose(2, 0, 1)).float()
    for found in (
        read_image(tmp_path / name),
        as_rgb(Image.open(tmp_path / name)),
        read_float_image(tmp_path / name) * 255,
    ):
        assert (found.float() - expected).abs().mean() < 1.5


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_is_preserved(mode):
    image = Image.fromarray(COLORS[..., ::-1].copy()).convert(mode)
    if mode == "RGBA":
        image.putpixel((0, 0), (9, 9, 9, 0))
    image.info["icc_profile"] = swapped_profile()
    colors = np.asarray(image.convert("RGB"))[..., ::-1].astype(int)
    found = as_rgb(image).permute(1, 2, 0).numpy()
    assert np.abs(found - colors)[1:].max() <= 2
    if mode == "RGBA":
        assert found[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_gray_with_a_linear_profile(tmp_path, mode):
    # in the darkest 2 % Little CMS interpolates the steep curve coarsely, 7 levels off
    values = np.linspace(0.03, 1, 52)
    top = 65535 if mode == "I;16" else 255
    array = np.round(values * top)[None]
    gray = Image.fromarray(array.astype(np.uint16 if mode == "I;16" else np.uint8))
    image = gray.convert("LA") if mode == "LA" else gray
    image.save(tmp_path / "a.png", icc_profile=linear_gray_profile())
    values = np.round(array[0] / top * 255) / 255  # in 8 bits
    bright = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    found = read_image(tmp_path / "a.png")[:, 0].numpy()
    assert np.abs(found - bright * 255).max() < 2


@pytest.mark.parametrize("profile", [b"", b"no profile", swapped_profile()[:200]])
def test_a_broken_profile_is_ignored(profile):
    image = Image.fromarray(COLORS)
    image.info["icc_profile"] = profile
    assert to_srgb(image) is image
    assert np.array_equal(as_rgb(image).permute(1, 2, 0), COLORS)


def test_a_profile_of_another_color_space_is_ignored():
    image = Image.fromarray(COLORS)
    image.info["icc_profile"] = linear_gray_profile()
    assert to_srgb(image) is image


def test_an_srgb_profile_has_no_visible_effect():
    image = Image.fromarray(COLORS)
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(np.asarray(to_srgb(image)).astype(int) - COLORS).max() <= 1
