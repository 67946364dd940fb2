#!/usr/bin/env bash
# Pillow inverts a gray TIFF whose white is 0 if it has 8 bits, and not if it has 16
#
# The TIFF tag PhotometricInterpretation is 0 (WhiteIsZero) or 1 (BlackIsZero). It says how a viewer
# shows the values, and does not change them. Pillow returns 255 - value for 8 bits with
# WhiteIsZero, and the stored values for 16 bits, so that of two files of one image with different
# bits one is shown as a negative of the other. There is no warning, and the mode does not show it.
# What to do: for values (class ids, depth) look at image.tag_v2[262] and undo it, or read the file
# with tifffile, which returns the stored values in all four cases.
#
# Seen with Pillow 12.3.0 and tifffile 2026.3.3, Python 3.11:
#    8 bits, BlackIsZero: stored [0, 1, 200]  Pillow [0, 1, 200]     tifffile [0, 1, 200]
#    8 bits, WhiteIsZero: stored [0, 1, 200]  Pillow [255, 254, 55]  tifffile [0, 1, 200]
#   16 bits, BlackIsZero: stored [0, 1, 200]  Pillow [0, 1, 200]     tifffile [0, 1, 200]
#   16 bits, WhiteIsZero: stored [0, 1, 200]  Pillow [0, 1, 200]     tifffile [0, 1, 200]
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==12.3.0 tifffile==2026.3.3 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import numpy as np
import tifffile
from PIL import Image

STORED = [0, 1, 200]


def tiff(bits, photometric):
    """A little-endian TIFF of one row, by its specification."""
    short, long = 3, 4
    entries = [
        (256, long, len(STORED)),  # ImageWidth
        (257, long, 1),  # ImageLength
        (258, short, bits),  # BitsPerSample
        (259, short, 1),  # Compression: none
        (262, short, photometric),  # PhotometricInterpretation
        (273, long, 8),  # StripOffsets
        (277, short, 1),  # SamplesPerPixel
        (278, long, 1),  # RowsPerStrip
        (279, long, len(STORED) * bits // 8),  # StripByteCounts
    ]
    pixels = np.array(STORED, f"<u{bits // 8}").tobytes().ljust(8, b"\0")
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory + bytes(4)


as_described = True
for bits in (8, 16):
    for photometric, name in ((1, "BlackIsZero"), (0, "WhiteIsZero")):
        content = tiff(bits, photometric)
        pillow = np.asarray(Image.open(io.BytesIO(content)))[0].tolist()
        other = tifffile.imread(io.BytesIO(content))[0].tolist()
        print(f"{bits:>2} bits, {name}: stored {STORED}  Pillow {pillow!s:<14}  tifffile {other}")
        inverted = bits == 8 and photometric == 0
        as_described &= pillow == ([255 - value for value in STORED] if inverted else STORED)
        as_described &= other == STORED
sys.exit(not as_described)
PYTHON
