"""Still images of `ctal predict`: read, predicted and written at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from torch import Tensor

from ctal.cli.predict_threads import Threads
from ctal.cli.predict_writer import Writer
from ctal.errors import InputError, PredictionError, UnreadableError
from ctal.inference.postprocessing import LARGE
from ctal.inference.runner import Options
from ctal.io.images import read_image
from ctal.io.sources import Source

Pair = tuple[Source, str]
"""A source and the name of its outputs."""

_BATCH = 8  # on a GPU; on a CPU, a batch takes as long as its images one by one, and more memory


def predict_images(
    writer: Writer,
    pairs: Sequence[Pair],
    unreadable: dict[Source, str],
    done: Callable[[], object] = lambda: None,
) -> None:
    """Predict the maps of images and write them.

    Args:
        writer: writes the maps.
        pairs: the images, with the names of their outputs.
        unreadable: gets a message for each image that cannot be read.
        done: called after each image.

    Raises:
        InputError: a file cannot be written, or the network gives no finite maps for an image.
    """
    waiting: deque[tuple[Source, str, Tensor]] = deque()  # images without a prediction yet

    def images() -> Iterator[Tensor]:
        for source, name, image in _readable(threads, pairs, unreadable, done):
            waiting.append((source, name, image))
            threads.leave_cores()
            yield image

    options: Options = {**writer.image_options}
    options["batch_size"] = 1 if writer.model.device.type == "cpu" else _BATCH
    with Threads(done) as threads:
        stream = writer.model.stream_deferred(images(), empty=writer.on_disk, **options)
        try:
            for maps in stream:
                source, name, image = waiting.popleft()
                job = partial(writer.write_image, source, name, image, maps, threads.check)
                if image[0].numel() > LARGE:
                    threads.finish()
                    job()
                    done()
                else:
                    threads.start(job, image[0].numel())
        except PredictionError as error:
            threads.finish()  # images before this one
            raise InputError(f"{waiting[0][0].path}: {error}") from error


def _readable(
    threads: Threads,
    pairs: Sequence[Pair],
    unreadable: dict[Source, str],
    done: Callable[[], object],
) -> Iterator[tuple[Source, str, Tensor]]:
    """Yield the images that can be read, with their sources and names."""
    reads = threads.read_ahead(source.path for source, _ in pairs)
    for (source, name), read in zip(pairs, reads, strict=True):
        try:
            image = read()
            if image is None:  # large
                threads.finish()
                image = read_image(source.path)
        except UnreadableError as error:
            unreadable[source] = str(error)
            done()
            continue
        yield source, name, image
