"""Nash-MTL with its state in the checkpoint.

Source: Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022, arXiv 2202.01017,
algorithm 1, in torchjd's implementation.
"""

from __future__ import annotations

from typing import Any

import torch
import torchjd.aggregation


class NashMTL(torchjd.aggregation.NashMTL):
    """torchjd's NashMTL with a state that resumed runs load.

    The search for the weights of a step starts from those of the previous one, and with
    `update_weights_every` above 1 weights are reused. torchjd stores them as plain attributes,
    which are not in checkpoints.

    Its arguments are torchjd's: `n_tasks`, the number of tasks; `max_norm`, the largest norm of the
    combined gradient (0: any); `update_weights_every`, in steps; `optim_niter`, the iterations of
    the search.
    """

    def get_extra_state(self) -> dict[str, Any]:
        """Return the number of steps and the weights of the last one."""
        weights = torch.as_tensor(self.weighting.prvs_alpha)
        return {"step": self.weighting.step, "weights": weights.clone()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Load the state of the resumed run."""
        self.reset()
        if not state["step"]:
            return
        self(torch.eye(self.n_tasks))  # initializes the solver, as the first step of that run did
        self.weighting.prvs_alpha = state["weights"].numpy().copy()
        self.weighting.step = state["step"]
