"""Suppress irrelevant library warnings."""

from __future__ import annotations

import logging
import threading
import warnings


def quieten_libraries() -> None:
    """Hides advice that does not concern the person who runs an experiment."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # the encoder itself tells of weights that do not fit
    logging.getLogger("timm").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers",  # the data sets are small, or in memory
        ".*It is recommended to use `self.log",  # the metrics are in step already
        ".*dataloader is not resumable",  # the sampler resumes instead
        ".*is smaller than the logging interval",  # each epoch logs its scores in any case
        ".*Total length of `list` across ranks is zero",  # data.val may be left out
        ".*loading a checkpoint outside the 'fit' stage",  # it has the averaged weights already
        ".*LeafSpec",  # Lightning's own
        "You are solving a parameterized problem that is not DPP",  # of torchjd's Nash-MTL
    ):
        warnings.filterwarnings("ignore", message)
    threading.excepthook = _report_thread


def _report_thread(report: threading.ExceptHookArgs) -> None:
    """Leaves out what TensorBoard's thread raises once more in the main one, as on a full disk."""
    if not issubclass(report.exc_type, OSError):
        threading.__excepthook__(report)
