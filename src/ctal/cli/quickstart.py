"""`ctal quickstart`: train, evaluate and use a CTAL network in some minutes."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from ctal.cli.compare import compare
from ctal.cli.predict import predict_files
from ctal.data import Rooms


def quickstart(output: str = "runs/quickstart", overrides: list[str] | None = None) -> None:
    """Train two small networks on the embedded rooms, and show their predictions.

    Single-task networks and a multi-scale CTAL network with the same encoder are trained from
    random weights, scored on the test split and compared; then the CTAL network predicts the maps
    of some test images. Rerun the command to resume an interrupted run; finished trainings are not
    repeated.

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
    images = sorted((Rooms("test").root / "image").iterdir())[::16]
    predict_files(
        [str(image) for image in images],
        checkpoint=str(folder / "multi_scale_ctal" / "seed0"),
        output=str(folder / "predictions"),
        overwrite=True,
    )
    sys.stdout.write(
        f"\nthe table       {folder}/comparison.md\n"
        f"the comparison  {folder}/figure.png\n"
        f"predictions     {folder}/predictions/\n"
        "\nPredict your own photos of rooms with the bundled model:\n"
        "  ctal predict IMAGE\n"
    )
