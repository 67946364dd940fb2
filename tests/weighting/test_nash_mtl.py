from __future__ import annotations

import pytest
import torch

pytest.importorskip("torchjd", reason="the extra mtl is not installed")
pytest.importorskip("ecos", reason="the solver of Nash-MTL is not installed")

from ctal.weighting.nash_mtl import NashMTL


def test_direction_by_hand() -> None:
    gradients = torch.tensor([[2.0, 0.0], [-1.0, 2.0]])
    # weights a, b with (4, -2; -2, 5) (a, b) = (1/a, 1/b), so 4 a^2 = 5 b^2
    combined = NashMTL(n_tasks=2, max_norm=1.0)(gradients)
    wanted = torch.tensor([5**0.5 - 1, 2.0])
    torch.testing.assert_close(combined, wanted / wanted.norm(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("every", [1, 3])
def test_state_is_restored(every: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 3, 5, generator=generator)
    options = {"n_tasks": 3, "update_weights_every": every, "optim_niter": 2}
    whole, first = NashMTL(**options), NashMTL(**options)
    wanted = [whole(matrix) for matrix in rows]
    for step, matrix in enumerate(rows):
        second = NashMTL(**options)
        second(rows[0])  # the batches before do not matter
        second.load_state_dict(first.state_dict())
        resumed = [second(other) for other in rows[step:]]
        assert torch.equal(torch.stack(resumed), torch.stack(wanted[step:]))
        first(matrix)
    # weights that are reused matter; the start of a search does not, except in the last digits
    difference = (NashMTL(**options)(rows[4]) - wanted[4]).abs().max()
    assert difference > 0.1 if every == 3 else difference < 1e-5
