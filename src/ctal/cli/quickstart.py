"""`ctal quickstart`: train, score and use a cross-task affinity network in some minutes."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from ctal.cli.compare import compare
from ctal.cli.predict import predict_files
from ctal.data import Rooms


def quickstart(output: str = "runs/quickstart", overrides: list[str] | None = None) -> None:
    """Trains two small networks on the embedded rooms and shows what they learned.

    Single-task networks and a multi-scale CTAL network with the same encoder are trained from
    random weights, scored on test rooms that neither has seen, and compared; then the CTAL network
    predicts the maps of some test pictures. Interrupted, it goes on where it stopped when started
    again; finished, it trains nothing again.

    Args:
        output: the folder to write to.
        overrides: further arguments for every `ctal fit`, such as --trainer.max_epochs=1.
    """
    folder = Path(output)
    configs = files("ctal") / "configs" / "quickstart"
    compare(
        [str(configs / "single_task.yaml"), str(configs / "multi_scale_ctal.yaml")],
        output=output,
        overrides=overrides,
    )
    pictures = sorted((Rooms("test").root / "image").iterdir())[::16]
    predict_files(
        [str(picture) for picture in pictures],
        checkpoint=str(folder / "multi_scale_ctal" / "seed0"),
        output=str(folder / "predictions"),
        overwrite=True,
    )
    sys.stdout.write(
        f"\nthe table       {folder}/comparison.md\n"
        f"the comparison  {folder}/figure.png\n"
        f"predictions     {folder}/predictions/\n"
        "\nNow your own pictures, photographs of rooms, with a network trained on such:\n"
        "  ctal predict PICTURE\n"
    )
