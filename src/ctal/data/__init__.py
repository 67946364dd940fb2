"""Data: samples of typed maps from files, and the batches made of them."""

from ctal.data.base import DenseDataset, Sample
from ctal.data.camera import Camera
from ctal.data.datasets.cityscapes import Cityscapes
from ctal.data.datasets.combined import CombinedDataset
from ctal.data.datasets.folder import FolderDataset
from ctal.data.datasets.nyuv2 import NYUv2
from ctal.data.datasets.pascal_context import PASCALContext
from ctal.data.datasets.rooms import Rooms
from ctal.data.decoding import (
    Channel,
    Decoder,
    PackedChannels,
    RotatedBits,
    SwappedBytes,
    Threshold,
)
from ctal.data.derived import DerivedMap, EdgesFromClasses, EdgesFromDepth, NormalsFromDepth
from ctal.data.map_files import MapFiles
from ctal.data.module import DenseDataModule
from ctal.data.prepared import PreparedArrays
from ctal.data.transforms import RandomZoomCrop
from ctal.maps import ClassMap, DepthMap, EdgeMap, InverseDepthMap, Map, NormalMap

__all__ = [
    "Camera",
    "Channel",
    "Cityscapes",
    "ClassMap",
    "CombinedDataset",
    "Decoder",
    "DenseDataModule",
    "DenseDataset",
    "DepthMap",
    "DerivedMap",
    "EdgeMap",
    "EdgesFromClasses",
    "EdgesFromDepth",
    "FolderDataset",
    "InverseDepthMap",
    "Map",
    "MapFiles",
    "NYUv2",
    "NormalMap",
    "NormalsFromDepth",
    "PASCALContext",
    "PackedChannels",
    "PreparedArrays",
    "RandomZoomCrop",
    "Rooms",
    "RotatedBits",
    "Sample",
    "SwappedBytes",
    "Threshold",
]
