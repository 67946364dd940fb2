"""Delta_m: the mean relative gain of a multitask network over single-task networks."""

from __future__ import annotations

from collections.abc import Mapping

from ctal.errors import InputError


def delta_m(
    scores: Mapping[str, float],
    reference: Mapping[str, float],
    higher_is_better: Mapping[str, bool],
) -> float:
    """Compute the mean relative gain of the tasks over their reference, percent, higher is better.

    Delta_m = 100 / T * sum_i s_i (M_i - B_i) / B_i, with M_i the score of task i, B_i its
    reference (a single-task network of the same encoder), s_i = +1 where higher is better and -1
    where lower is (Maninis, Radosavovic and Kokkinos, "Attentive Single-Tasking of Multiple Tasks",
    CVPR 2019). Each task has one score, that of its primary metric. Some papers average over all
    metrics instead: pass all of them, under any names.

    Args:
        scores: The score of each task.
        reference: The reference score of the same tasks.
        higher_is_better: Whether a higher score is better, for each task.

    Raises:
        InputError: There is no task, a task is missing in an argument, or a reference is 0.
    """
    if not scores:
        raise InputError("Delta_m: expected scores of at least one task, got none")
    total = 0.0
    for task in scores.keys() | reference.keys():
        for title, given in (
            ("scores", scores),
            ("reference", reference),
            ("higher_is_better", higher_is_better),
        ):
            if task not in given:
                raise InputError(f"Delta_m: task {task!r} is missing in {title} {sorted(given)}")
        if reference[task] == 0:
            raise InputError(
                f"Delta_m: the reference of {task!r} is 0, so the relative gain is undefined"
            )
        change = (scores[task] - reference[task]) / reference[task]
        total += change if higher_is_better[task] else -change
    return 100 * total / len(scores)
