"""Fine-tuning: a network takes every weight of a trained one that fits."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import torch

from ctal.errors import InputError
from ctal.networks.affinity import CTAL
from ctal.networks.base import Network
from ctal.networks.encoders.encoder import Encoder
from ctal.networks.matching import Matching
from ctal.networks.resizing import SizedPart
from ctal.networks.saved import build_saved
from ctal.networks.source import read_source
from ctal.networks.transfer_report import Transfer, differing_arguments

_log = logging.getLogger("ctal")


def initialize_from(network: Network, source: str | Path) -> Transfer:
    """Take every weight of a trained network that fits, in place, as a start for training.

    The two may differ in class, tasks, classes and image size. The network takes

    - encoders of the same timm model, as a whole. With several encoders (`SingleTaskNet`), each is
      taken by the name of its task, or the first one for a task that the source does not have.
    - weights of the same name and shape. Those of a task are taken if both networks have a task of
      this name and class.
    - mixing weights of CTAL for the tasks that both have, resampled to the size (`CTAL.resize`).
    - rows of output layers by the names of their classes, if both tasks have names that differ.

    All others, such as the output layer of a task with another number of classes, stay unchanged.

    Args:
        network: the network to initialize.
        source: a trained network, as in `ctal.load`.

    Returns:
        The names of the weights taken. The logger `ctal` logs it as one line, at level INFO.

    Raises:
        InputError: the source cannot be loaded, or nothing in it fits.
    """
    with torch.random.fork_rng(devices=[]):  # building draws random weights that are not used
        trained = build_saved(read_source(source))
    return transfer(trained, network, str(source))


def transfer(trained: Network, network: Network, source: str) -> Transfer:
    """Take every weight of a trained network that fits, as `initialize_from` does.

    Args:
        trained: the network to take from; its parts are resized in place.
        network: the network to initialize, in place.
        source: name of the trained network for the report.

    Raises:
        InputError: nothing fits.
    """
    with torch.no_grad():
        whole = _take_encoders(trained, network)
        _align_parts(trained, network)
        matching = Matching(trained, network)
        others = {key: value for key, value in network.state_dict().items() if key not in whole}
        in_encoders = tuple(f"{path}." for path in encoders(network))
        shares = {
            key: matching.take(key, value)
            for key, value in others.items()
            if not key.startswith(in_encoders)
        }
    whole |= {key for key, share in shares.items() if share == "whole"}
    partly = {key for key, share in shares.items() if share == "partly"}
    if not (whole | partly) & {key for key, _ in network.named_parameters()}:
        raise InputError(
            f"{source}: expected weights that fit a {type(network).__name__} with the tasks "
            f"{', '.join(task.name for task in network.tasks)}, but none does; take a network with "
            "the same encoder, or of the same class with tasks of the same name and class"
        )
    names, differing = tuple(network.state_dict()), differing_arguments(network, trained)
    report = Transfer(source, names, frozenset(whole), frozenset(partly), differing)
    _log.info("%s", report)
    return report


def encoders(network: Network) -> dict[str, Encoder]:
    """Return the encoders of a network by their paths in it."""
    return {path: part for path, part in network.named_modules() if isinstance(part, Encoder)}


def _take_encoders(trained: Network, network: Network) -> set[str]:
    """Take the encoders, and return the names of the tensors taken."""
    theirs, taken = encoders(trained), set[str]()
    for path, part in encoders(network).items() if theirs else ():
        source = theirs.get(path, next(iter(theirs.values())))
        taken |= {f"{path}.{key}" for key in part.take(source)}
    return taken


def _align_parts(trained: Network, network: Network) -> None:
    """Give the parts of a trained network the size and the scale that those of the other have."""
    theirs = dict(trained.named_modules())
    for path, part in network.named_modules():
        source = theirs.get(path)
        if isinstance(part, Encoder) or type(source) is not type(part):
            continue
        if isinstance(part, CTAL) and isinstance(source, CTAL):
            _rescale(source, part.mixing_power)
        if isinstance(part, SizedPart) and isinstance(source, SizedPart):
            source.resize(part.size)


def _rescale(ctal: CTAL, mixing_power: float) -> None:
    """Change the power that divides mixing weights, and leave what is applied as it is."""
    factor = math.prod(ctal.size) ** (mixing_power - ctal.mixing_power)
    ctal.mixing_weight.mul_(factor)
    ctal.mixing_bias.mul_(factor)
    ctal.mixing_power = mixing_power
