#!/usr/bin/env bash
# Pillow multiplies the values of gray PNGs of 2 and 4 bits, and of PGMs, to fill 0..255 or 0..65535
#
# Pillow decodes images for viewing. A PNG of gray values with 4 bits that stores 0, 1, 2 and 15 comes
# back as 0, 17, 34 and 255; with 2 bits, 1 comes back as 85. A palette PNG of the same bits keeps its
# indices. A PGM whose header says a maximum of 20 comes back multiplied by 255 / 20 and rounded, one
# with a maximum of 1000 by 65535 / 1000. There is no warning, and the mode ("L", "I") does not show it.
# Class ids that a labeling tool has saved with few bits are then other ids.
# What to do: read the bit depth (byte 24 of a PNG) or the maximum of a PGM from the file, and divide.
#
# Seen with Pillow 12.3.0, Python 3.11:
#   gray PNG, 2 bits     stored [0, 1, 2, 3]        read [0, 85, 170, 255]
#   gray PNG, 4 bits     stored [0, 1, 2, 15]       read [0, 17, 34, 255]
#   gray PNG, 8 bits     stored [0, 1, 2, 15]       read [0, 1, 2, 15]
#   palette PNG, 4 bits  stored [0, 1, 2, 15]       read [0, 1, 2, 15]
#   PGM, maximum 20      stored [0, 1, 5, 20]       read [0, 13, 64, 255]
#   PGM, maximum 1000    stored [0, 1, 500, 1000]   read [0, 66, 32768, 65535]
#
# Exit code: 0 if it behaves as described, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==12.3.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(values, bits, color):
    """A PNG of one row by its specification; color 0 is gray, 3 a palette."""
    packed = "".join(format(value, f"0{bits}b") for value in values)
    packed += "0" * (-len(packed) % 8)
    row = bytes(int(packed[i : i + 8], 2) for i in range(0, len(packed), 8))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", len(values), 1, bits, color, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(range(48))) if color == 3 else b""
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + head + palette + data + chunk(b"IEND", b"")


def pgm(values, top):
    kind = ">u1" if top < 256 else ">u2"
    return f"P5 {len(values)} 1 {top}\n".encode() + np.array(values).astype(kind).tobytes()


CASES = [
    ("gray PNG, 2 bits", [0, 1, 2, 3], png([0, 1, 2, 3], 2, 0), [0, 85, 170, 255]),
    ("gray PNG, 4 bits", [0, 1, 2, 15], png([0, 1, 2, 15], 4, 0), [0, 17, 34, 255]),
    ("gray PNG, 8 bits", [0, 1, 2, 15], png([0, 1, 2, 15], 8, 0), [0, 1, 2, 15]),
    ("palette PNG, 4 bits", [0, 1, 2, 15], png([0, 1, 2, 15], 4, 3), [0, 1, 2, 15]),
    ("PGM, maximum 20", [0, 1, 5, 20], pgm([0, 1, 5, 20], 20), [0, 13, 64, 255]),
    ("PGM, maximum 1000", [0, 1, 500, 1000], pgm([0, 1, 500, 1000], 1000), [0, 66, 32768, 65535]),
]
as_described = True
for name, stored, content, expected in CASES:
    read = np.asarray(Image.open(io.BytesIO(content)))[0].tolist()
    print(f"{name:<20} stored {stored!s:<19} read {read}")
    as_described &= read == expected
sys.exit(not as_described)
PYTHON
