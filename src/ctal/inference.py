"""Using a trained network: load a checkpoint, predict for a picture of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.checkpoint_file import checkpoint_path, read_checkpoint
from ctal.errors import InputError
from ctal.explanation import Affinities, checked_pixel, observing
from ctal.networks import Network, build
from ctal.networks.encoder import STRIDES
from ctal.networks.memory import set_memory_format
from ctal.networks.resizing import nearest_size, shared_copy
from ctal.reading import read_picture, to_rgb
from ctal.tasks import Task

Picture = str | Path | Image.Image | Tensor | NDArray[Any]
"""What `Model.predict` takes."""

_COPIES = 4  # upright and lying pictures of two cameras


class Model:
    """A network ready for use: a picture in, decoded maps of the picture's own size out.

    Attributes:
        network: the network, in evaluation mode. Copies for other shapes are kept; leave it as is.
        tasks: its tasks, in its order.
    """

    def __init__(self, network: Network, device: str | torch.device = "cpu") -> None:
        set_memory_format(network, torch.channels_last)
        self.network = network.eval().to(device)
        self.tasks: list[Task] = network.tasks
        self._device = torch.device(device)
        self._copies: dict[tuple[int, int], Network] = {}

    def predict(self, image: Picture, *, own_shape: bool = False) -> dict[str, NDArray[Any]]:
        """Predicts every task's map for one picture, at the picture's own size (H, W).

        The picture is resized to the size of the network, bilinearly and with antialiasing; a
        picture of another shape than the network's is thereby stretched. Depths and normals are
        what the network says of the stretched picture: they are not corrected for it.
        With `own_shape`, a copy of the network is resized to the multiples of 32 that have nearly
        the shape of the picture and the number of pixels of the network (`Network.resize`).
        Raw maps are brought back bilinearly and decoded last, so the borders of classes are
        smooth and normals have length 1.

        Args:
            image: a file's path or a PIL picture of any kind (see `ctal.reading.to_rgb`), or a
                tensor or array (3, H, W), RGB, uint8 or floating-point in 0..1.
            own_shape: resize the network to the picture's shape rather than stretch the picture.

        Returns:
            {task name: array} in the tasks' units: (H, W) int64 class ids, (H, W) float32 metres,
            (H, W, 3) float32 unit normals.

        Raises:
            InputError: the picture cannot be read or has another form than those above, or
                `own_shape` is asked of a network that cannot be resized.
        """
        pixels = as_rgb(image)
        maps = self.decoded(pixels, own_shape=own_shape)
        return {name: to_array(prediction) for name, prediction in maps.items()}

    @torch.inference_mode()
    def decoded(self, pixels: Tensor, *, own_shape: bool = False) -> dict[str, Tensor]:
        """The decoded maps, in the form of the tasks' labels, of one picture from `as_rgb`."""
        size = (pixels.shape[-2], pixels.shape[-1])
        network = self._shaped_as(size) if own_shape else self.network
        images = TF.to_dtype(pixels, torch.float32, scale=True)[None].to(self._device)
        resized = TF.resize(images, list(network.image_size), antialias=True)
        raw = network(resized.clamp(0, 1)).final
        return {task.name: task.decode(resize_raw(raw[task.name], size))[0] for task in self.tasks}

    def explain(self, image: Picture, pixel: Sequence[int]) -> dict[str, Affinities]:
        """What a pixel of a picture gets from which pixels of which tasks: `ctal.explanation`.

        The picture is resized to the size of the network, as in `predict`; what is told is of the
        pixel of the CTAL module's grid in which the centre of the picture's pixel then lies.

        Args:
            image: as in `predict`.
            pixel: (x, y) in pixels of the picture, from 0: its column and its row.

        Returns:
            {name of a CTAL module in the network: the affinities of the pixel}.

        Raises:
            InputError: the picture cannot be read, the pixel is not in it, or the network has no
                CTAL module.
        """
        pixels = as_rgb(image)
        size = (pixels.shape[-2], pixels.shape[-1])
        pixel = checked_pixel(pixel, size)
        with observing(self.network) as seen:
            self.decoded(pixels)
        return {name: observation.at_picture(pixel, size) for name, observation in seen.items()}

    def _shaped_as(self, picture: tuple[int, int]) -> Network:
        """The network at the size for a picture's shape, made from the loaded one, or kept."""
        size = nearest_size(picture, self.network.image_size, STRIDES[-1])
        if size == self.network.image_size:
            return self.network
        # the last one used goes to the end, so that the first is the one to drop
        network = self._copies.pop(size, None)
        if network is None:
            network = shared_copy(self.network)  # never from another copy: that resamples twice
            network.resize(size)
        self._copies[size] = network
        if len(self._copies) > _COPIES:
            del self._copies[next(iter(self._copies))]
        return network


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    *,
    image_size: Sequence[int] | None = None,
) -> Model:
    """Loads a trained network, without running any code that the file may hold.

    Args:
        path: a checkpoint (`.ckpt`), or a run's folder, whose best checkpoint is taken.
        device: where the network shall run.
        image_size: (H, W) to resize the network to (see `Network.resize`), if not that of its
            training; more pixels cost more time.

    Raises:
        InputError: there is no such file, it is not a checkpoint of this package, it holds pickled
            code, its weights are those of another network, it cannot have that size, or there is
            no such device.
    """
    device = usable_device(device)
    file = checkpoint_file(path)
    content = read_checkpoint(file, "ctal", "state_dict")
    try:
        network = build(content["ctal"])
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    prefix = "network."
    state = {
        key.removeprefix(prefix): value
        for key, value in content["state_dict"].items()
        if key.startswith(prefix)
    }
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[1:2] or [str(error)]
        raise InputError(
            f"{file}: its weights are not those of the {type(network).__name__} it describes "
            f"({reason[0].strip()})"
        ) from error
    if image_size is not None:
        network.resize(image_size)
    return Model(network, device)


def usable_device(device: str | torch.device) -> torch.device:
    """The device of a name, if there is such a device and it works.

    Raises:
        InputError: there is none.
    """
    try:
        values = torch.zeros(1, device=device)
        values.cpu()  # which those of "meta" cannot be brought to
        return values.device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device: {str(device)!r} cannot be used ({reason})") from error


def checkpoint_file(path: str | Path) -> Path:
    """The checkpoint that a path means: itself, or of a run's folder the best or only one."""
    file = path = Path(path)
    if path.is_dir():
        best, last = (checkpoint_path(path, name) for name in ("best", "last"))
        # a run without validation has none that is best
        file = last if last.is_file() and not best.is_file() else best
    if not file.is_file():
        raise InputError(f"{file}: no such checkpoint; expected a .ckpt file or a run's folder")
    return file


def as_rgb(image: Picture) -> Tensor:
    """Any form of picture that `Model.predict` takes, as (3, H, W), RGB, uint8 or float in 0..1."""
    if isinstance(image, str | Path):
        return read_picture(image)
    if isinstance(image, Image.Image):
        return to_rgb(image)
    pixels = torch.as_tensor(image)
    if pixels.ndim != 3 or pixels.shape[0] != 3 or 0 in pixels.shape:
        raise InputError(f"image: expected (3, H, W), RGB, got {tuple(pixels.shape)}")
    in_range = pixels.is_floating_point() and pixels.min() >= 0 and pixels.max() <= 1
    if not (in_range or pixels.dtype == torch.uint8):
        raise InputError(
            f"image: expected uint8 or floating-point values in 0..1, got {pixels.dtype} in "
            f"{pixels.min():g}..{pixels.max():g}"
        )
    return pixels


def resize_raw(raw: Tensor, size: Sequence[int]) -> Tensor:
    """Raw maps (B, channels, H, W) at the size (H', W') of a picture or of labels."""
    # antialias matters where the picture is smaller than the network's size
    return F.interpolate(raw, size=size, mode="bilinear", align_corners=False, antialias=True)


def to_array(prediction: Tensor) -> NDArray[Any]:
    """(H, W) or (channels, H, W) as an array (H, W) or (H, W, channels)."""
    if prediction.ndim == 3:
        prediction = prediction.permute(1, 2, 0)
        prediction = prediction.squeeze(-1) if prediction.shape[-1] == 1 else prediction
    return np.ascontiguousarray(prediction.cpu().numpy())
