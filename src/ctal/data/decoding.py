"""How numbers are encoded in the values of a file: over channels, in rotated or swapped bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.errors import InputError


class Decoder(ABC):
    """Computes the numbers of a map from the values of its file, before `scale` and `labels`.

    Pass instances to `ctal.data.MapFiles` in `decode`. A subclass of your own is named by its
    `class_path`.
    """

    @abstractmethod
    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Decode the values of one file.

        Args:
            stored: (H, W) or (H, W, C), of the file's data type.

        Returns:
            (H, W) or (H, W, C).

        Raises:
            InputError: The values cannot be encoded in this way.
        """


@dataclass(frozen=True)
class Channel(Decoder):
    """One channel of a color image, such as the class ids in the red channel of CARLA's labels.

    Args:
        index: Number of the channel, from 0.
    """

    index: int = 0

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the channel, (H, W)."""
        _check_channels(stored, self.index + 1)
        channel: NDArray[Any] = stored[..., self.index]
        return channel


@dataclass(frozen=True)
class PackedChannels(Decoder):
    """A number spread over the channels of a color image: the sum of weight times channel.

    The default is the 24-bit form of CARLA's depth, R + 256 G + 65536 B. Further channels, such as
    an alpha channel, are ignored.

    Args:
        weights: The weight of each channel.
    """

    weights: tuple[float, ...] = (1.0, 256.0, 65536.0)

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the sum, (H, W)."""
        _check_channels(stored, len(self.weights))
        used = stored[..., : len(self.weights)].astype(np.float64)
        total: NDArray[Any] = used @ np.asarray(self.weights, np.float64)
        return total


@dataclass(frozen=True)
class RotatedBits(Decoder):
    """16-bit numbers whose bits were rotated to the left, as in the depth of SUN RGB-D and SUN3D.

    Args:
        bits: By how many bits.
    """

    bits: int = 3

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Rotate back."""
        values = _words(stored)
        bits = self.bits % 16
        return values >> np.uint16(bits) | values << np.uint16((16 - bits) % 16)


@dataclass(frozen=True)
class SwappedBytes(Decoder):
    """16-bit numbers whose two bytes were swapped, as in the raw .pgm files of NYUv2's Kinect."""

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Swap the bytes back."""
        return _words(stored).byteswap()


@dataclass(frozen=True)
class Threshold(Decoder):
    """A binary mask of soft values: 1 from the threshold on, 0 below; NaN stays.

    Args:
        value: The threshold, in stored values: 128 for an 8-bit mask.
    """

    value: float

    def __call__(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return 0 and 1."""
        mask = (stored >= self.value).astype(np.float64)
        if stored.dtype.kind == "f":
            mask[np.isnan(stored)] = np.nan
        return mask


def _check_channels(stored: NDArray[Any], least: int) -> None:
    if stored.ndim != 3 or stored.shape[2] < least:
        raise InputError(
            f"decode: expected at least {least} channels, (H, W, C), got the shape {stored.shape}"
        )


def _words(stored: NDArray[Any]) -> NDArray[np.uint16]:
    whole = stored.dtype.kind in "ui" or np.equal(np.mod(stored, 1), 0).all()
    if not whole or stored.min() < 0 or stored.max() > 0xFFFF:
        raise InputError(
            f"decode: expected integers of 16 bits, got {stored.dtype} from {stored.min()} to "
            f"{stored.max()}"
        )
    return stored.astype(np.uint16)
