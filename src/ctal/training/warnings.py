"""Suppress irrelevant library warnings."""

from __future__ import annotations

import logging
import threading
import warnings


def quieten_libraries() -> None:
    """Ignore warnings that do not help the user of an experiment."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # the encoder reports weights that do not fit
    logging.getLogger("timm").setLevel(logging.ERROR)
    # a line for each retry; an error follows if the last one fails
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers",  # datasets are small or in memory
        ".*It is recommended to use `self.log",  # the metrics are already synchronized
        ".*dataloader is not resumable",  # the sampler resumes instead
        ".*is smaller than the logging interval",  # each epoch logs its scores anyway
        ".*Total length of `list` across ranks is zero",  # data.val may be left out
        ".*loading a checkpoint outside the 'fit' stage",  # it has the averaged weights already
        ".*in eval mode at the start of training",  # those that `FreezeEncoder` freezes
        ".*LeafSpec",  # raised inside Lightning
        "You are solving a parameterized problem that is not DPP",  # raised by torchjd's Nash-MTL
    ):
        warnings.filterwarnings("ignore", message)
    threading.excepthook = _report_thread


def _report_thread(report: threading.ExceptHookArgs) -> None:
    """Ignore errors of TensorBoard's thread, which it raises again in the main thread."""
    if not issubclass(report.exc_type, OSError):
        threading.__excepthook__(report)
