"""Stored values are exact, although Pillow changes some formats.

The references are files built byte by byte, or written by another library.
"""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from ctal.data import MapFiles
from ctal.data.array_files import read_array
from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def write_png(path, array, depth, color):
    """Write a PNG by its specification: unfiltered rows, values packed from the high bits."""
    rows = b""
    for row in array:
        bits = "".join(format(int(value), f"0{depth}b") for value in row.reshape(-1))
        bits += "0" * (-len(bits) % 8)
        rows += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], depth, color, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(range(3 * 4))) if color == PALETTE else b""
    content = chunk(b"IHDR", head) + palette + chunk(b"IDAT", zlib.compress(rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize(
    ("depth", "color", "channels"),
    [
        *[(depth, GRAY, None) for depth in (1, 2, 4, 8, 16)],
        *[(depth, PALETTE, None) for depth in (1, 2, 4, 8)],
        *[(depth, RGB, 3) for depth in (8, 16)],
        *[(depth, GRAY_ALPHA, 2) for depth in (8, 16)],
        *[(depth, RGBA, 4) for depth in (8, 16)],
    ],
)
def test_a_png_of_any_depth(tmp_path, depth, color, channels):
    top = 4 if color == PALETTE else 1 << depth
    shape = (5, 7) if channels is None else (5, 7, channels)
    values = np.random.default_rng(depth).integers(0, min(top, 1 << depth), shape)
    path = write_png(tmp_path / "a.png", values, depth, color)
    assert np.array_equal(read_array(path), values)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, "f2", "f4", "f8"]
)
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_any_number_type(tmp_path, dtype, channels, order):
    tifffile = pytest.importorskip("tifffile", reason="of the extra `data`")
    dtype = np.dtype(dtype)
    shape = (5, 7) if channels is None else (5, 7, channels)
    if dtype.kind == "f":
        values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        values = np.random.default_rng(0).integers(limits.min, limits.max, shape, dtype)
        values.flat[0], values.flat[1] = limits.min, limits.max
    kind = "rgb" if channels else "minisblack"
    tifffile.imwrite(tmp_path / "a.TIFF", values, photometric=kind, byteorder=order)
    assert np.array_equal(read_array(tmp_path / "a.TIFF"), values)


def test_a_tiff_whose_white_is_0_is_not_inverted(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="of the extra `data`")
    values = np.array([[0, 1, 2]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    assert np.asarray(Image.open(tmp_path / "a.tif")).tolist() == [[255, 254, 253]]  # hence this
    assert read_array(tmp_path / "a.tif").tolist() == [[0, 1, 2]]


def test_without_imagecodecs_a_png_of_16_bit_colors_is_refused(tmp_path, monkeypatch):
    path = write_png(tmp_path / "a.png", np.full((2, 3, 3), 300), 16, RGB)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(
        InputError, match=r"PNG of 16-bit colors requires imagecodecs; .*'ctal\[data\]'"
    ):
        read_array(path)


def test_without_tifffile_a_tiff_of_another_type_is_refused(tmp_path, monkeypatch):
    tifffile = pytest.importorskip("tifffile", reason="of the extra `data`")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((2, 3)), photometric="minisblack")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(InputError, match=r"a\.tif: expected a TIFF of 8 bits.*'ctal\[data\]'"):
        read_array(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P5 3 1 20\n\x00\x05\x14", [[0, 5, 20]]),
        (b"P5 3 1 1000\n\x00\x05\x00\x14\x03\xe8", [[5, 20, 1000]]),
        (b"P5 3 1 65535\n\x00\x05\x00\x14\x03\xe8", [[5, 20, 1000]]),
        (b"P2\n# three labels\n3 1\n20\n0 5 20\n", [[0, 5, 20]]),
        (b"P5 3 1 255\n\x00\x05\x14", [[0, 5, 20]]),
        (b"P4 8 1\n\x0f", [[0, 0, 0, 0, 1, 1, 1, 1]]),
        (b"P1 4 1\n0 1 1 0\n", [[0, 1, 1, 0]]),
        (b"P6 1 1 7\n\x01\x02\x07", [[[1, 2, 7]]]),
        (b"Pf 2 1 -1.0\n" + struct.pack("<2f", 0.25, 1e9), [[0.25, 1e9]]),
    ],
)
def test_a_portable_map_is_not_rescaled_or_inverted(tmp_path, content, expected):
    (tmp_path / "a.pgm").write_bytes(content)
    assert read_array(tmp_path / "a.pgm").tolist() == expected


@pytest.mark.parametrize("top", [1, 2, 3, 100, 254, 256, 4095, 40000, 65534])
def test_every_value_of_a_pgm_is_exact(tmp_path, top):
    values = np.arange(top + 1)
    kind = "u1" if top < 256 else ">u2"
    head = f"P5 {len(values)} 1 {top}\n".encode()
    (tmp_path / "a.pgm").write_bytes(head + values.astype(kind).tobytes())
    assert np.array_equal(read_array(tmp_path / "a.pgm")[0], values)


def test_formats_that_lose_bits_are_refused(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 1 1 65535\n\x00\x05\x00\x14\x03\xe8")
    with pytest.raises(InputError, match=r"a\.ppm: expected a PPM of 8 bits or a PGM"):
        read_array(tmp_path / "a.ppm")
    Image.new("L", (4, 4), 3).save(tmp_path / "a.jp2")
    with pytest.raises(InputError, match=r"a\.jp2: expected a map in PNG, TIFF, .*got JPEG2000"):
        read_array(tmp_path / "a.jp2", ids=False)


@pytest.mark.parametrize("name", ["a.gif", "a.bmp"])
@pytest.mark.parametrize("palette", [False, True])
def test_other_lossless_formats(tmp_path, name, palette):
    values = np.arange(20, dtype=np.uint8).reshape(4, 5)
    image = Image.fromarray(values)
    if palette:
        image.putpalette(np.random.default_rng(0).bytes(768))
    image.save(tmp_path / name)
    assert np.array_equal(read_array(tmp_path / name), values)


@pytest.mark.parametrize("bits", [1, 4])
def test_a_bmp_of_few_bits_is_refused(tmp_path, bits):
    head = b"BM" + struct.pack("<IHHI", 200, 0, 0, 54 + 64)
    info = struct.pack("<IiiHHIIiiII", 40, 8, 1, 1, bits, 0, 0, 0, 0, 1 << bits, 0)
    (tmp_path / "a.bmp").write_bytes((head + info).ljust(118, b"\7") + bytes(8))
    with pytest.raises(InputError, match=rf"a\.bmp: expected a BMP of 8 or 24 bits, got {bits}"):
        read_array(tmp_path / "a.bmp")


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.jpg", {}), ("a.jp2", {}), ("a.webp", {}), ("a.avif", {}), ("a.tif", {"q": "jpeg"})],
)
def test_class_ids_in_a_lossy_format_are_refused(tmp_path, name, options):
    compression = {"compression": "jpeg"} if options else {}
    Image.fromarray(np.eye(16, dtype=np.uint8)).convert("RGB").save(tmp_path / name, **compression)
    files = MapFiles(SemanticSegmentation(2), "{name}")
    with pytest.raises(InputError, match=r"class ids in a lossless format .*, a lossy format"):
        files.read(tmp_path / name)


def test_a_lossless_webp_is_not_lossy(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    for name, exif in (("a.webp", b""), ("b.webp", b"Exif\0\0MM\0*\0\0\0\x08\0\0")):
        Image.fromarray(values).save(tmp_path / name, lossless=True, exif=exif)
        assert np.array_equal(read_array(tmp_path / name), values)


def test_values_other_than_ids_may_be_a_jpeg(tmp_path):
    Image.new("L", (4, 4), 100).save(tmp_path / "a.jpg")
    depth = MapFiles(Depth(), "{name}", scale=0.1).read(tmp_path / "a.jpg")
    assert depth.unique().tolist() == pytest.approx([10])


def test_normals_of_16_bits_keep_their_low_byte(tmp_path):
    stored = np.array([[[32767 + 19661, 32768, 32768 - 26214]]])  # 0.6, 0, -0.8
    path = write_png(tmp_path / "a.png", stored, 16, RGB)
    files = MapFiles(SurfaceNormals(), "{name}", scale=2 / 65535, offset=-1.0, bits=16)
    assert np.allclose(files.read(path)[:, 0, 0], [0.6, 0, -0.8], atol=3e-5)
    with pytest.raises(InputError, match="expected an image of 8 bits, got 16 bits"):
        MapFiles(SurfaceNormals(), "{name}", bits=8).read(path)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_several_frames_are_refused(tmp_path, name):
    frames = [Image.new("L", (4, 4), value) for value in (0, 90, 200)]
    options = {"lossless": True} if name == "a.webp" else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    with pytest.raises(InputError, match=rf"{name}: expected one map, got 3 frames"):
        read_array(tmp_path / name)


@pytest.mark.parametrize(("name", "content"), [("a.hdr", b"#?RADIANCE"), ("a.dng", b"II*\0")])
def test_a_format_of_another_program_is_reported(tmp_path, name, content):
    (tmp_path / name).write_bytes(content + bytes(60))
    with pytest.raises(InputError, match=r"it is (high dynamic range|a camera raw format); "):
        read_array(tmp_path / name)


@pytest.mark.parametrize("name", ["A.NPY", "A.NPZ", "A.PNG", "A.TIFF", "A.TIF"])
def test_endings_may_be_upper_case(tmp_path, name):
    values = np.array([[0, 40000]], np.uint16)
    path = tmp_path / name
    with path.open("wb") as file:
        if name == "A.NPY":
            np.save(file, values)
        elif name == "A.NPZ":
            np.savez(file, values)
        else:
            Image.fromarray(values).save(file, "PNG" if name == "A.PNG" else "TIFF")
    assert np.array_equal(read_array(path), values)
