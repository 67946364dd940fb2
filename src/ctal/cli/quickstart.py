"""`ctal quickstart`: train, evaluate and use a CTAL network in some minutes."""

from __future__ import annotations

import sys

_INTRODUCTION = """\
Compares two small networks on Rooms, the dataset in the package, in three steps:
  [1/3] train multi_scale_ctal, one network for classes, depth and surface normals
  [2/3] train single_task, three networks of one task each, for the comparison
  [3/3] score both on the test split, and write a table and images
This takes 7 minutes on two CPU cores. The first maps are written after an epoch. Rerun the command
to resume an interrupted run. Both networks start from the encoder of the bundled model nyuv2-lite0,
which was trained on photos (NYUv2's train split) and has not seen Rooms.
Output: {output}/
"""


def quickstart(output: str = "runs/quickstart", overrides: list[str] | None = None) -> None:
    """Train two small networks on the embedded rooms, and show their predictions.

    A multi-scale CTAL network and single-task networks start from the same encoder, that of the
    bundled model nyuv2-lite0. They are trained, scored on the test split and compared. The bundled
    model was trained on photographs of NYUv2's train split and has seen no image of Rooms. The
    first images are written after an epoch. Rerun the command to resume an interrupted run;
    finished trainings are not repeated.

    Args:
        output: the folder to write to.
        overrides: further arguments for every `ctal fit`, such as trainer.max_epochs=1.
    """
    # before the import of torch, which takes seconds
    sys.stderr.write(_INTRODUCTION.format(output=output))
    sys.stderr.flush()
    from ctal.cli.quickstart_stages import run_stages

    run_stages(output, overrides or [])
