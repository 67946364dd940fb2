"""Report of `ctal predict`: the files that it wrote, and how long it took."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ctal.cli.predict_images import Pair
from ctal.cli.predict_writer import Writer
from ctal.errors import counted
from ctal.io.sources import Source

_FEW = 5  # inputs, each of which gets a line


def summary(
    writer: Writer,
    pairs: Sequence[Pair],
    unreadable: Collection[Source],
    skipped: int,
    seconds: float,
    sheet: Path | None = None,
) -> str:
    """Return the lines of the report: one for each of few inputs, then one for all.

    Args:
        writer: wrote the files.
        pairs: the inputs that were predicted, with the names of their outputs.
        unreadable: those of them that could not be read, or not to their end.
        skipped: number of inputs whose outputs were complete.
        seconds: time of all predictions.
        sheet: the contact sheet.
    """
    written = {pair[0]: writer.files(*pair) for pair in pairs if pair[0] not in unreadable}
    lines = []
    if len(written) <= _FEW:
        lines = [f"{source.path}: {', '.join(map(str, n))}" for source, n in written.items()]
    if sheet is not None:
        lines.append(f"{sheet}: contact sheet")
    if not written:
        return "".join(f"{line}\n" for line in lines)
    count = counted(len(written), "input")
    each = f", {seconds / len(pairs):.2f} s per input" if len(pairs) > 1 else ""
    line = f"{writer.output}: wrote {_kinds(written.values())} of {count} in {seconds:.1f} s{each}"
    line += f"; skipped {skipped} with complete outputs" if skipped else ""
    line += f"; {len(unreadable)} could not be read" if unreadable else ""
    return "\n".join([*lines, line]) + "\n"


def _kinds(files: Collection[Sequence[Path]]) -> str:
    """Return the endings of files, such as ".npz and .png"."""
    endings = list(dict.fromkeys(file.suffix for some in files for file in some))
    return " and ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
