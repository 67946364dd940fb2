"""What a trained network makes of what its affinities add: what it is, and scores without it.

    python -m benchmarks.affinity_use RUN [RUN ...]

RUN is the folder of a run of `CTALNet` or `MultiScaleCTALNet`, looked at on the test split of its
own data (val if it has none). CTAL gives F' = gamma * diffused + (1 - gamma) * F (`ctal.CTAL`).
Nothing is trained anew here; only the first part of that sum, which is what the affinities add, is
changed. The first table has the scores

- "as trained": nothing is changed;
- "another image's": it is that of the image before in the batch;
- "left out": it is 0.

A network that needs what its affinities add scores worse in the second row, where what matters of
it belongs to the image, and worse in the third, where any of it matters. The second table tells
for each task what is added, in shares of a mean square over all pixels, channels and images:

- "of what comes out": its own, of that of F', as roots of both;
- "in one direction": what is left of it if each image may have one vector of channels, and each
  of its pixels a multiple of that (the first singular value of the C x P matrix);
- "the same in all images": that of its mean over images.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.measuring import print_head, print_row
from ctal.comparison.settings import data_module
from ctal.config.files import read_config
from ctal.errors import InputError
from ctal.evaluation.evaluator import Scoring
from ctal.evaluation.metric_info import measures
from ctal.inference import Model
from ctal.inference.loading import load
from ctal.networks import CTAL, CTALNet, MultiScaleCTALNet

CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "as trained": lambda added: added,
    "another image's": lambda added: added.roll(1, dims=0),
    "left out": torch.zeros_like,
}


@dataclass
class Amounts:
    """Sums over images of what is added to the features of a task.

    Attributes:
        images: their number.
        out: squares of F'.
        added: squares of what is added.
        first: squares of the first singular value of what is added.
        total: (C, H, W), what is added.
    """

    pictures: int = 0
    out: float = 0.0
    added: float = 0.0
    first: float = 0.0
    total: Tensor | float = 0.0

    def update(self, out: Tensor, added: Tensor) -> None:
        """Add a batch of both, each (B, C, H, W)."""
        rows = added.flatten(2).double()
        self.pictures += len(added)
        self.out += out.double().square().sum().item()
        self.added += rows.square().sum().item()
        # the largest eigenvalue of the product is the square of the largest singular value
        self.first += torch.linalg.eigvalsh(rows @ rows.mT)[:, -1].sum().item()
        self.total = self.total + added.double().sum(0)

    def shares(self) -> tuple[float, float, float]:
        """The three columns of the second table."""
        same = torch.as_tensor(self.total).square().sum().item() / self.pictures
        return (self.added / self.out) ** 0.5, self.first / self.added, same / self.added


def scores(
    model: Model, ctal: CTAL, batches: Iterator[dict[str, Tensor]], name: str
) -> tuple[dict[str, float], dict[str, Amounts]]:
    """All metrics with one of the changes, and what was added before it, by task."""
    amounts = {task.name: Amounts() for task in model.tasks}
    _, share = ctal.addition()

    def changed(
        _: nn.Module, given: tuple[dict[str, Tensor]], refined: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        kept = {task: share * features for task, features in given[0].items()}
        added = {task: refined[task] - kept[task] for task in refined}
        for task, amount in amounts.items():
            amount.update(refined[task], added[task])
        return {task: kept[task] + CHANGES[name](added[task]) for task in refined}

    scoring, hook = Scoring(model.tasks), ctal.register_forward_hook(changed)
    with torch.inference_mode():
        for batch in batches:
            scoring.update(model.network(batch["image"]).final, batch, torch.tensor(0.0))
    hook.remove()
    return scoring.take().metrics, amounts


def tables(run: str) -> None:
    """Print both tables of a run.

    Raises:
        InputError: it is no run of a network with one CTAL, or has nothing to score.
    """
    model = load(run)
    network = model.network
    if not isinstance(network, CTALNet | MultiScaleCTALNet):
        kind = type(network).__name__
        raise InputError(f"{run}: expected a CTALNet or MultiScaleCTALNet, got {kind}")
    if network.refinement.ctal is None:
        raise InputError(f"{run}: the network was built with affinities=False; nothing is added")
    data = data_module(read_config(Path(run) / "config.yaml"))
    batches = data.test_dataloader() or data.val_dataloader()
    if not batches:
        raise InputError(f"{run}: its configuration has neither data.test nor data.val to score")
    primary = [measure for measure in measures(model.tasks) if measure.primary]
    print(f"\n{run}\n")
    print_head("what is added", *(f"{measure.task} {measure.title()}" for measure in primary))
    for name in CHANGES:
        found, amounts = scores(model, network.refinement.ctal, iter(batches), name)
        print_row(name, *(f"{found[m.key] * (100 if m.share else 1):.4g}" for m in primary))
    print()
    print_head("task", "of what comes out %", "in one direction %", "the same in all images %")
    for task, amount in amounts.items():
        print_row(task, *(f"{100 * share:.1f}" for share in amount.shares()))


def main() -> int:
    """Print the tables of each run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    for run in parser.parse_args().runs:
        try:
            tables(run)
        except InputError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
