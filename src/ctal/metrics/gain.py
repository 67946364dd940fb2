"""Delta_m: what a multitask network gains over single-task ones, in one number."""

from __future__ import annotations

from collections.abc import Mapping

from ctal.errors import InputError


def delta_m(
    scores: Mapping[str, float],
    reference: Mapping[str, float],
    higher_is_better: Mapping[str, bool],
) -> float:
    """Mean relative gain of the tasks over their reference, in percent; positive is better.

    Delta_m = 100 / T * sum_i s_i (M_i - B_i) / B_i, with M_i the score of task i, B_i its
    reference (a single-task network of the same encoder), s_i = +1 where higher is better and -1
    where lower is (Maninis, Radosavovic and Kokkinos, "Attentive Single-Tasking of Multiple Tasks",
    CVPR 2019). One score per task: that of its primary metric. Some papers average over all metrics
    instead: give all of them, under any names.

    Args:
        scores: the score of each task.
        reference: the reference score of the same tasks.
        higher_is_better: the sign of each task.

    Raises:
        InputError: there is no task, a task is missing in one of the three, or a reference is 0.
    """
    if not scores:
        raise InputError("Delta_m: expected the scores of one task or more, got none")
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
                f"Delta_m: the reference of {task!r} is 0, so no change relative to it is defined"
            )
        change = (scores[task] - reference[task]) / reference[task]
        total += change if higher_is_better[task] else -change
    return 100 * total / len(scores)
