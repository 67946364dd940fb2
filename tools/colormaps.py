"""Write src/ctal/maps/colormaps.npy, the matplotlib colormaps used by ctal.

python -m tools.colormaps
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps

from ctal.maps.colormaps import BUNDLED, SIZE

if __name__ == "__main__":
    tables = [colormaps[name](np.arange(SIZE), bytes=True)[:, :3] for name in BUNDLED]
    np.save(Path("src/ctal/maps/colormaps.npy"), np.stack(tables).astype(np.uint8))
