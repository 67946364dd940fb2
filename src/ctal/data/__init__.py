"""Data: samples of typed maps from files, and the batches made of them."""

from ctal.data.base import DenseDataset, Sample
from ctal.data.folder import FolderDataset
from ctal.data.map_files import MapFiles
from ctal.data.module import DenseDataModule
from ctal.data.rooms_dataset import Rooms
from ctal.data.transforms import RandomZoomCrop
from ctal.maps import ClassMap, DepthMap, Map, NormalMap

__all__ = [
    "ClassMap",
    "DenseDataModule",
    "DenseDataset",
    "DepthMap",
    "FolderDataset",
    "Map",
    "MapFiles",
    "NormalMap",
    "RandomZoomCrop",
    "Rooms",
    "Sample",
]
