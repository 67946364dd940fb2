"""Analysis of the affinity term of trained networks: its size, and scores without it.

    python -m benchmarks.affinity_use RUN [RUN ...]

RUN is the folder of a run of `CTALNet` or `MultiScaleCTALNet`, evaluated on the test split of its
own data (or val if there is no test). CTAL computes F' = gamma * diffused + (1 - gamma) * F
(`ctal.CTAL`). Nothing is trained; only the first summand, the affinity term, is changed. The first
table has the scores

- "as trained": the term is unchanged;
- "another image's": the term is that of the previous image in the batch;
- "left out": the term is 0.

The second row is worse if image-specific parts of the term matter, and the third row if any part
matters. The second table describes the term of each task by shares of its mean square over all
pixels, channels and images:

- "of what comes out": its root mean square relative to that of F';
- "in one direction": the share left if each image has one vector of channels, and each pixel a
  multiple of that vector (the first singular value of the C x P matrix);
- "the same in all images": the share of its mean over images.
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
    """Sums over images of the affinity term of a task.

    Attributes:
        images: the number of images.
        out: sum of squares of F'.
        added: sum of squares of the term.
        first: sum of squares of the first singular value of the term.
        total: sum of the term, (C, H, W).
    """

    images: int = 0
    out: float = 0.0
    added: float = 0.0
    first: float = 0.0
    total: Tensor | float = 0.0

    def update(self, out: Tensor, added: Tensor) -> None:
        """Add a batch of F' and of the term, each (B, C, H, W)."""
        rows = added.flatten(2).double()
        self.images += len(added)
        self.out += out.double().square().sum().item()
        self.added += rows.square().sum().item()
        # the largest eigenvalue of the product is the square of the largest singular value
        self.first += torch.linalg.eigvalsh(rows @ rows.mT)[:, -1].sum().item()
        self.total = self.total + added.double().sum(0)

    def shares(self) -> tuple[float, float, float]:
        """Return the three columns of the second table."""
        same = torch.as_tensor(self.total).square().sum().item() / self.images
        return (self.added / self.out) ** 0.5, self.first / self.added, same / self.added


def scores(
    model: Model, ctal: CTAL, batches: Iterator[dict[str, Tensor]], name: str
) -> tuple[dict[str, float], dict[str, Amounts]]:
    """Return all metrics with one of the changes, and the unchanged term of each task."""
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
        InputError: The run has no network with a single CTAL module, or no data to evaluate on.
    """
    model = load(run)
    network = model.network
    if not isinstance(network, CTALNet | MultiScaleCTALNet):
        kind = type(network).__name__
        raise InputError(f"{run}: expected a CTALNet or MultiScaleCTALNet, got {kind}")
    if network.refinement.ctal is None:
        raise InputError(f"{run}: expected a network with an affinity term, got affinities=False")
    data = data_module(read_config(Path(run) / "config.yaml"))
    batches = data.test_dataloader() or data.val_dataloader()
    if not batches:
        raise InputError(f"{run}: expected data.test or data.val in its config, got neither")
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
