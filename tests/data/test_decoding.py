"""Decoding of numbers in stored values, compared with values computed by hand."""

import struct

import numpy as np
import pytest
from PIL import Image

from ctal.data import MapFiles
from ctal.data.decoding import Channel, PackedChannels, RotatedBits, SwappedBytes, Threshold
from ctal.errors import InputError
from ctal.tasks import Depth, Saliency, SemanticSegmentation


def test_depth_of_carla_is_packed_in_24_bits(tmp_path):
    """The formula of CARLA's documentation: (R + 256 G + 65536 B) / (256^3 - 1) km."""
    colors = np.array([[[0, 0, 0, 255], [1, 2, 3, 255], [255, 255, 255, 255]]], np.uint8)
    Image.fromarray(colors).save(tmp_path / "a.png")
    files = MapFiles(Depth(), "{name}", decode=PackedChannels(), scale=1000 / (256**3 - 1))
    expected = [0, (1 + 512 + 3 * 65536) / 16777215 * 1000, 1000]
    assert files.read(tmp_path / "a.png").flatten().tolist() == pytest.approx(expected)
    assert PackedChannels((256.0, 1.0))(colors[..., :2]).tolist() == [[0, 258, 65535]]


def test_depth_of_sun_rgbd_has_rotated_bits(tmp_path):
    """The toolbox computes bitor(bitshift(d, -3), bitshift(d, 13)) in 16 bits."""
    millimeters = np.array([[0, 1, 2345, 8191, 8192, 65535]])
    stored = [[(int(d) << 3 | int(d) >> 13) & 0xFFFF for d in millimeters[0]]]
    Image.fromarray(np.array(stored, np.uint16)).save(tmp_path / "a.png")
    files = MapFiles(Depth(), "{name}", decode=RotatedBits(3), scale=0.001)
    expected = (millimeters / 1000).ravel().tolist()
    assert files.read(tmp_path / "a.png").flatten().tolist() == pytest.approx(expected)
    for bits in (0, 16):
        assert RotatedBits(bits)(millimeters).tolist() == millimeters.tolist()


def test_a_raw_pgm_of_a_kinect_has_swapped_bytes(tmp_path):
    """A PGM is big-endian by its specification; the raw files of NYUv2 are little-endian."""
    raw = [593, 2047, 1]
    (tmp_path / "d.pgm").write_bytes(b"P5 3 1 65535\n" + struct.pack("<3H", *raw))
    files = MapFiles(
        Depth(),
        "{name}",
        decode=SwappedBytes(),
        ignore=[2047],
        # the toolbox: 351.3 / (1092.5 - d)
        scale=-1 / 351.3,
        offset=1092.5 / 351.3,
        invert=True,
    )
    expected = [351.3 / (1092.5 - 593), 0, 351.3 / 1091.5]
    assert files.read(tmp_path / "d.pgm").flatten().tolist() == pytest.approx(expected)


def test_a_soft_mask_is_thresholded(tmp_path):
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / "a.png")
    files = MapFiles(Saliency(), "{name}", decode=Threshold(128))
    assert files.read(tmp_path / "a.png").tolist() == [[0, 0, 1, 1]]
    np.save(tmp_path / "a.npy", np.array([[np.nan, 0.5, 0.4]], np.float32))
    files = MapFiles(Saliency(), "{name}", decode=Threshold(0.5), ignore=[float("nan")])
    assert files.read(tmp_path / "a.npy").tolist() == [[255, 1, 0]]


def test_decoders_apply_in_order(tmp_path):
    """A mask that was saved as a gray RGB image."""
    gray = np.array([[0, 200]], np.uint8)
    Image.fromarray(np.stack([gray] * 3, axis=-1)).save(tmp_path / "a.png")
    files = MapFiles(Saliency(), "{name}", decode=[Channel(), Threshold(128)])
    assert files.read(tmp_path / "a.png").tolist() == [[0, 1]]


def test_the_red_channel_may_hold_class_ids(tmp_path):
    Image.fromarray(np.array([[[7, 0, 0], [1, 9, 9]]], np.uint8)).save(tmp_path / "a.png")
    files = MapFiles(SemanticSegmentation(2), "{name}", decode=Channel(0), labels={7: 1, 1: 0})
    assert files.read(tmp_path / "a.png").tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("decoder", "values", "message"),
    [
        (PackedChannels(), np.zeros((2, 3), np.uint8), r"at least 3 channels, .*\(2, 3\)"),
        (Channel(3), np.zeros((2, 3, 3), np.uint8), r"at least 4 channels"),
        (RotatedBits(), np.full((2, 3), 70000), r"integers of 16 bits, got int64 from 70000"),
        (SwappedBytes(), np.full((2, 3), 0.5), r"integers of 16 bits, got float64"),
        (SwappedBytes(), np.full((2, 3), -1), r"integers of 16 bits, got int64 from -1"),
        (SwappedBytes(), np.full((2, 3), np.nan), r"integers of 16 bits"),
    ],
)
def test_the_error_of_an_invalid_value_names_the_file(tmp_path, decoder, values, message):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=rf"a\.npy: decode: expected {message}"):
        MapFiles(Depth(), "{name}", decode=decoder).read(tmp_path / "a.npy")
