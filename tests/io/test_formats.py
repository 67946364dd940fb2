import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctal.errors import UnreadableError
from ctal.io import formats
from ctal.io.formats import advice, is_readable, is_video, looks_like_image, register_heif
from ctal.io.images import read_image


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.PNG", "a.tif", "a.TIFF", "a.webp"])
def test_supported_formats(name):
    assert is_readable(Path(name))
    assert looks_like_image(Path(name))
    assert advice(Path(name)) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("IMG.DNG", "camera raw format"),
        ("a.cr3", "with rawpy"),
        ("a.nef", "raw format"),
        ("a.exr", "as a 16-bit PNG"),
        ("a.jxl", "JPEG XL"),
        ("a.svg", "render it as PNG"),
    ],
)
def test_advice_for_images_of_other_programs(name, words):
    assert looks_like_image(Path(name))
    assert not is_readable(Path(name))
    assert words in advice(Path(name))


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.mp4", "a.csv", "a.npy", "none"])
def test_other_files_are_not_images(name):
    assert not looks_like_image(Path(name))
    assert not is_readable(Path(name))


def test_an_image_without_an_ending_is_recognized_by_its_content(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "photo", "JPEG")
    (tmp_path / "notes").write_text("text")
    assert looks_like_image(tmp_path / "photo")
    assert not looks_like_image(tmp_path / "notes")


@pytest.mark.parametrize("name", ["a.mjpeg", "a.MJPG", "a.mp4", "a.MOV", "a.mpg", "a.mkv"])
def test_videos(name):
    assert is_video(Path(name))
    assert not is_readable(Path(name))


def test_heif(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif", reason="of the extra `heif`")
    pixels = np.full((64, 64, 3), (200, 30, 90), np.uint8)
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(tmp_path / "a.HEIC", quality=95)
    (tmp_path / "renamed.jpg").write_bytes((tmp_path / "a.HEIC").read_bytes())
    assert is_readable(tmp_path / "a.HEIC")
    for name in ("a.HEIC", "renamed.jpg"):
        found = read_image(tmp_path / name).float().mean(dim=(1, 2))
        assert np.abs(found.numpy() - pixels[0, 0]).max() < 4


def test_heif_without_its_reader_reports_the_install_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    register_heif.cache_clear()
    monkeypatch.setattr("ctal.io.images.register_heif", lambda: False)
    assert "pip install 'ctal[heif]'" in advice(Path("a.heic"))
    assert not is_readable(Path("a.heic"))
    register_heif.cache_clear()
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftyp????")
    monkeypatch.setattr(formats, "register_heif", lambda: False)
    with pytest.raises(UnreadableError, match=r"a\.heic: .* pip install 'ctal\[heif\]'"):
        read_image(tmp_path / "a.heic")


@pytest.mark.parametrize(("name", "content"), [("a.exr", b"v/1\x01"), ("a.hdr", b"#?RADIANCE\n")])
def test_an_unreadable_format_is_reported_with_advice(tmp_path, name, content):
    (tmp_path / name).write_bytes(content + bytes(60))
    with pytest.raises(UnreadableError, match=rf"{name}: .*unknown format.*save it as \.npy"):
        read_image(tmp_path / name)


def test_an_unknown_data_type_is_reported_with_the_supported_formats(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="of the extra `data`")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4)))
    with pytest.raises(UnreadableError, match=r"a\.tif: .*; PNG, JPEG, .* are supported; save it"):
        read_image(tmp_path / "a.tif")
