"""Nash-MTL with its state in the checkpoint.

Source: Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022, arXiv 2202.01017,
algorithm 1, in torchjd's implementation.
"""

from __future__ import annotations

from typing import Any

import torch
import torchjd.aggregation


class NashMTL(torchjd.aggregation.NashMTL):
    """torchjd's NashMTL, whose state a resumed run takes over.

    The weights of a step are where the search for those of the next one starts, and with
    `update_weights_every` above 1 they are the next one's. torchjd keeps them as plain attributes,
    which no checkpoint would hold.

    Its arguments are torchjd's: `n_tasks`, the number of tasks; `max_norm`, the largest norm of the
    combined gradient (0: any); `update_weights_every`, in steps; `optim_niter`, the iterations of
    the search.
    """

    def get_extra_state(self) -> dict[str, Any]:
        """The number of steps made, and the weights of the last one."""
        weights = torch.as_tensor(self.weighting.prvs_alpha)
        return {"step": self.weighting.step, "weights": weights.clone()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Takes over the state of the run that is resumed."""
        self.reset()
        if not state["step"]:
            return
        self(torch.eye(self.n_tasks))  # sets up the solver, as the first step of that run did
        self.weighting.prvs_alpha = state["weights"].numpy().copy()
        self.weighting.step = state["step"]
