"""Random arguments for the operator."""

import torch


def make_inputs(B, T, C, H, W, f=3, shared=False, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    M = 1 if shared else T
    shapes = [(B, T, C, H, W), (B, T, C, H, W), (M, H * W, T, f, f), (M, H * W)]
    return [torch.randn(s, generator=g, dtype=dtype).requires_grad_() for s in shapes]
